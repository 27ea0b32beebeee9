package proposal

import (
	"encoding/binary"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// LevelShare is the command level from which proposals are counted to the
// principal that makes them.
const LevelShare = 5

// shareOpen is how many of one principal may be open, a quarter of MaxOpen: who
// proposes without end leaves room to the others. It is the same on every node.
var shareOpen = MaxOpen / 4

// openOf is how many proposals of a principal are open and counted. Those of
// before LevelShare are not.
func openOf(r consensus.Reader, principal string) int {
	if v := r.Get(tableShares, []byte(principal)); len(v) == 8 {
		return int(binary.BigEndian.Uint64(v))
	}
	return 0
}

// shareRoom says whether a principal may open one more.
func (s *store) shareRoom(principal string) error {
	if n := openOf(s.w, principal); n >= shareOpen {
		return numbered.Refuse(CodeFull, fmt.Sprintf("%d proposals of this credential are open, its share of what the mesh keeps; wait until some are decided", n),
			"share", "credential", "open", fmt.Sprint(n), "limit", fmt.Sprint(shareOpen))
	}
	return nil
}

// count changes how many proposals of a principal are open, where this one is
// counted.
func (s *store) count(r *record, by int) {
	if !r.Counted {
		return
	}
	key := []byte(r.Proposer.Principal)
	if n := openOf(s.w, r.Proposer.Principal) + by; n > 0 {
		s.w.Put(tableShares, key, numbered.Key(uint64(n)))
	} else {
		s.w.Delete(tableShares, key)
	}
}
