package inbox

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// format is the first byte of every record of this part.
const format = 1

// meta counts what all inboxes have in common.
type meta struct {
	NextSeq, NextInbox                                uint64
	Agents, Subscriptions                             uint64
	Messages, Bytes                                   uint64 // that wait
	Dead, DeadBytes                                   uint64
	Staged                                            uint64 // bytes of blobs that no message names
	IDFirst, IDNext                                   uint64 // of tableIDAt
	Accepted, Acked, Returned, Died, Refused, Dropped uint64 // ever
}

func (m *meta) fields() []*uint64 {
	return []*uint64{
		&m.NextSeq, &m.NextInbox, &m.Agents, &m.Subscriptions, &m.Messages, &m.Bytes, &m.Dead, &m.DeadBytes,
		&m.Staged, &m.IDFirst, &m.IDNext, &m.Accepted, &m.Acked, &m.Returned, &m.Died, &m.Refused, &m.Dropped,
	}
}

func appendNumbers(b []byte, fields []*uint64) []byte {
	b = append(b, format)
	for _, f := range fields {
		b = binary.AppendUvarint(b, *f)
	}
	return b
}

func (r *cursor) numbers(fields []*uint64) {
	if r.byte() != format {
		r.fail()
	}
	for _, f := range fields {
		*f = r.uvarint()
	}
}

func loadMeta(r consensus.Reader) (m meta, err error) {
	v := r.Get(tableMeta, keyMeta)
	if v == nil {
		return meta{NextSeq: 1, NextInbox: 1}, nil
	}
	c := cursor{b: v}
	if c.numbers(m.fields()); !c.whole() {
		return m, errBroken("the record of all inboxes")
	}
	return m, nil
}

// counts are of one inbox.
type counts struct {
	Name                                        string
	Messages, Bytes, Dead, DeadBytes            uint64
	Dropped, Accepted, Acked, Returned, Refused uint64
}

func (n *counts) fields() []*uint64 {
	return []*uint64{&n.Messages, &n.Bytes, &n.Dead, &n.DeadBytes, &n.Dropped, &n.Accepted, &n.Acked, &n.Returned, &n.Refused}
}

func (n *counts) encode(b []byte) []byte {
	return appendText(appendNumbers(b, n.fields()), n.Name)
}

func (n *counts) read(v []byte) bool {
	c := cursor{b: v}
	c.numbers(n.fields())
	n.Name = c.string(maxName)
	return c.whole()
}

// agentRecord is what is known of a name. Its counts are apart, since they
// change with every message.
type agentRecord struct {
	Inbox uint64
	Known bool
	Since int64
	Owner string
	Node  string
	Epoch uint64
	Subs  uint64
	// KeyHash is "" where it has no key.
	KeyHash string
}

const flagKnown = 1

func (a *agentRecord) encode(b []byte) []byte {
	var flags byte
	if a.Known {
		flags |= flagKnown
	}
	b = append(b, format, flags)
	b = binary.AppendUvarint(b, a.Inbox)
	b = binary.AppendUvarint(b, uint64(a.Since))
	b = appendText(b, a.Owner)
	b = appendText(b, a.Node)
	b = binary.AppendUvarint(b, a.Epoch)
	b = binary.AppendUvarint(b, a.Subs)
	return appendText(b, a.KeyHash)
}

func (a *agentRecord) read(v []byte) bool {
	c := cursor{b: v}
	if c.byte() != format {
		return false
	}
	a.Known = c.byte()&flagKnown != 0
	a.Inbox, a.Since = c.uvarint(), c.millis()
	a.Owner, a.Node = c.string(maxLabel), c.string(maxLabel)
	a.Epoch, a.Subs = c.uvarint(), c.uvarint()
	a.KeyHash = c.string(maxLabel)
	return c.whole()
}
