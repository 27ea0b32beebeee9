package graphsync

import (
	"strconv"
	"strings"
)

// Position is a place in the order of changes: after all changes of a revision
// or, in the middle of one, after its first ones. The zero value is before
// everything. It means the same at every node.
type Position struct {
	Revision uint64
	// Inside says that only the changes up to Order (counted from 0) of the
	// revision lie before the position.
	Inside bool
	Order  uint32
}

// String is "REVISION", or "REVISION-ORDER" inside of one.
func (p Position) String() string {
	s := strconv.FormatUint(p.Revision, 10)
	if p.Inside {
		s += "-" + strconv.FormatUint(uint64(p.Order), 10)
	}
	return s
}

// ParsePosition reads what String writes, and nothing else.
func ParsePosition(s string) (Position, bool) {
	if len(s) > 20+1+10 {
		return Position{}, false
	}
	revision, order, inside := strings.Cut(s, "-")
	var p Position
	var err error
	if p.Revision, err = strconv.ParseUint(revision, 10, 64); err != nil {
		return Position{}, false
	}
	if inside {
		n, err := strconv.ParseUint(order, 10, 32)
		if err != nil || p.Revision == 0 {
			return Position{}, false
		}
		p.Inside, p.Order = true, uint32(n)
	}
	return p, p.String() == s
}

// key is the least key of the log that lies after the position.
func (p Position) key(b []byte) []byte {
	switch {
	case p.Inside && p.Order+1 != 0:
		return appendLogKey(b, p.Revision, p.Order+1)
	case p.Revision+1 == 0:
		return append(appendLogKey(b, p.Revision, 1<<32-1), 0)
	}
	return appendLogKey(b, p.Revision+1, 0)
}

// whole is the last revision all of which lies before the position.
func (p Position) whole() uint64 {
	if p.Inside {
		return p.Revision - 1
	}
	return p.Revision
}
