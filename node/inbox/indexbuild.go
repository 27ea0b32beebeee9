package inbox

import (
	"encoding/binary"
	"log/slog"

	"github.com/meshd/meshd/consensus"
)

// build makes the index anew from the state. What cannot be read is not in it:
// it stays in the state for a version that can.
func (x *index) build(r consensus.Reader) {
	fresh := newIndex()
	var err error
	if fresh.meta, err = loadMeta(r); err != nil {
		slog.Error("the inboxes cannot be read from the state", "error", err)
	}
	consensus.Each(r, tableCount, nil, nil, func(k, v []byte) bool {
		var n counts
		if len(k) == 8 && n.read(v) {
			fresh.name(binary.BigEndian.Uint64(k), n.Name)
		}
		return true
	})
	broken := 0
	consensus.Each(r, tableAgent, nil, nil, func(_, v []byte) bool {
		var a agentRecord
		if !a.read(v) {
			broken++
		} else if s := fresh.ids[a.Inbox]; s != nil {
			s.node, s.epoch = a.Node, a.Epoch
		}
		return true
	})
	consensus.Each(r, tableMessage, nil, nil, func(k, v []byte) bool {
		var m record
		if len(k) == 8 && m.read(v) {
			if s := fresh.ids[m.Inbox]; s != nil {
				s.add(entryOf(binary.BigEndian.Uint64(k), &m))
				return true
			}
		}
		broken++
		return true
	})
	consensus.Each(r, tableDead, nil, nil, func(k, v []byte) bool {
		var d deadRecord
		var m record
		var t tail
		if len(k) == 16 && d.open(v, &m) == nil && t.read(m.Tail) {
			if s := fresh.ids[binary.BigEndian.Uint64(k)]; s != nil {
				s.dead = append(s.dead, deadEntry{binary.BigEndian.Uint64(k[8:]), d.At, hash(t.ID)})
				return true
			}
		}
		broken++
		return true
	})
	if broken > 0 {
		slog.Error("messages of the inboxes cannot be read from the state", "messages", broken)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.names, x.ids, x.meta = fresh.names, fresh.ids, fresh.meta
	x.owners.Add(1)
}
