package gossip

import (
	"fmt"
	"maps"
	"slices"
)

// digest names one version of one node's record.
type digest struct {
	_           struct{} `cbor:",toarray"`
	NodeID      string
	Incarnation uint64
	Counter     uint64
}

func (d digest) version() version { return version{d.Incarnation, d.Counter} }

type entry struct {
	wire *wireRecord
	raw  []byte
}

// table holds the newest record of each node. It is a pure core: no clock, no
// lock, no I/O.
type table struct {
	entries map[string]*entry
	size    int // bytes of all raw records
}

func newTable() *table { return &table{entries: make(map[string]*entry)} }

func (t *table) put(e *entry) {
	id := e.wire.Record.NodeID
	t.drop(id)
	t.entries[id] = e
	t.size += len(e.raw)
}

func (t *table) drop(id string) {
	if old := t.entries[id]; old != nil {
		t.size -= len(old.raw)
		delete(t.entries, id)
	}
}

// stale says that v is news about the node.
func (t *table) stale(id string, v version) bool {
	e := t.entries[id]
	return e == nil || e.wire.Record.version().less(v)
}

func (t *table) ids() []string { return slices.Sorted(maps.Keys(t.entries)) }

func (t *table) digests() []digest {
	out := make([]digest, 0, len(t.entries))
	for _, id := range t.ids() {
		v := t.entries[id].wire.Record.version()
		out = append(out, digest{NodeID: id, Incarnation: v.incarnation, Counter: v.counter})
	}
	return out
}

func (t *table) raws() [][]byte {
	out := make([][]byte, 0, len(t.entries))
	for _, id := range t.ids() {
		out = append(out, t.entries[id].raw)
	}
	return out
}

// newerThan returns the records the holder of the digests lacks, smallest
// first so that one giant does not keep the many small ones back, and at most
// limit bytes of them.
func (t *table) newerThan(have []digest, limit int) [][]byte {
	known := make(map[string]version, len(have))
	for _, d := range have {
		known[d.NodeID] = d.version()
	}
	var out [][]byte
	for _, id := range t.ids() {
		e := t.entries[id]
		if v, ok := known[id]; !ok || v.less(e.wire.Record.version()) {
			out = append(out, e.raw)
		}
	}
	slices.SortStableFunc(out, func(a, b []byte) int { return len(a) - len(b) })
	for i, raw := range out {
		if limit -= len(raw); limit < 0 {
			return out[:i]
		}
	}
	return out
}

// stateMessage is the user half of a push/pull: all records while they are
// few, else only their digests, and who sent it, as a hint whom to ask for the
// rest. The hint is not believed: the asking goes over an authenticated
// connection.
type stateMessage struct {
	From    string   `cbor:"1,keyasint"`
	Records [][]byte `cbor:"2,keyasint,omitempty"`
	Digests []digest `cbor:"3,keyasint,omitempty"`
}

func decodeState(raw []byte) (*stateMessage, error) {
	if len(raw) > maxStateBytes {
		return nil, fmt.Errorf("state of %d bytes", len(raw))
	}
	var m stateMessage
	if err := decMode.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("decoding state: %w", err)
	}
	return &m, nil
}

func decodeDigests(raw []byte) ([]digest, error) {
	var ds []digest
	if err := decMode.Unmarshal(raw, &ds); err != nil {
		return nil, fmt.Errorf("decoding digests: %w", err)
	}
	return ds, nil
}
