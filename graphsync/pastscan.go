package graphsync

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/meshd/meshd/consensus"
)

// pastEntry is an entry of a table of history: when it ended, and its value;
// none, if that is nil.
type pastEntry struct {
	end uint64
	val []byte
}

// firstPast returns the first entry under a key that ended after a revision.
func firstPast(r consensus.Reader, table consensus.Table, key []byte, rev uint64) pastEntry {
	for k, val := range r.Scan(table, appendRev(bytes.Clone(key), rev+1), after(key)) {
		if len(k) == len(key)+8 {
			return pastEntry{binary.BigEndian.Uint64(k[len(key):]), val}
		}
	}
	return pastEntry{}
}

// pastRun is how many versions of one thing a scan passes before it seeks.
const pastRun = 8

// pastScan yields each thing of a range of history, which is the key without
// its revision, with its first entry that ended after rev. The range begins and
// ends between things.
func pastScan(r consensus.Reader, table consensus.Table, from, to []byte, width int, rev uint64, reverse bool) iter.Seq2[[]byte, pastEntry] {
	scan := r.Scan
	if reverse {
		scan = r.ScanReverse
	}
	return func(yield func([]byte, pastEntry) bool) {
		for more := true; more; {
			more = false
			var thing []byte
			var best pastEntry
			run := 0
			for k, val := range scan(table, from, to) {
				if len(k) != width+8 {
					continue
				}
				if thing == nil || !bytes.Equal(k[:width], thing) {
					if thing != nil && !yield(thing, best) {
						return
					}
					thing, best, run = bytes.Clone(k[:width]), pastEntry{}, 0
				}
				if end := binary.BigEndian.Uint64(k[width:]); end > rev && (reverse || best.val == nil) {
					best = pastEntry{end, val}
				}
				if run++; run == pastRun {
					more = true
					break
				}
			}
			if more {
				best = firstPast(r, table, thing, rev)
				if reverse {
					to = thing
				} else {
					from = after(thing)
				}
			}
			if thing != nil && !yield(thing, best) || from == nil && !reverse && more {
				return
			}
		}
	}
}

// beside goes through current entries and past ones together, in the order of
// keys. Cur says that val is a current entry.
func beside(current iter.Seq2[[]byte, []byte], past iter.Seq2[[]byte, pastEntry], reverse bool, fn func(thing []byte, cur bool, val []byte, p pastEntry) bool) {
	next, stop := iter.Pull2(past)
	defer stop()
	thing, p, more := next()
	for k, val := range current {
		for more {
			order := bytes.Compare(thing, k)
			if reverse {
				order = -order
			}
			if order >= 0 {
				break
			}
			if !fn(thing, false, nil, p) {
				return
			}
			thing, p, more = next()
		}
		if more && bytes.Equal(thing, k) {
			if !fn(k, true, val, p) {
				return
			}
			thing, p, more = next()
		} else if !fn(k, true, val, pastEntry{}) {
			return
		}
	}
	for more {
		if !fn(thing, false, nil, p) {
			return
		}
		thing, p, more = next()
	}
}
