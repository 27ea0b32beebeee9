package inbox

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// LevelPrint is the command level from which a message id is remembered with
// what it was said of.
const LevelPrint = 5

// imprint is what a message with an id of its sender is known by when the id comes
// again: sums (CRC-32C, big-endian) of whom it is for, of what it is called and
// of its body. They tell a repeated message from another one under the same id,
// which is a mistake of the sender and of nobody else: nothing is gained by
// making them agree. Zero says nothing about a part.
type imprint [12]byte

// The parts of an imprint, as bits of what differs.
const (
	printTo = 1 << iota
	printType
	printBody
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// imprint sums up what the sender said. A body that the sender sealed differs each
// time that it is sealed, so nothing is known of it; of one that this node
// sealed, what it was before.
func (m *Outgoing) imprint() (p imprint) {
	var b []byte
	for _, to := range m.To {
		if m.Everywhere {
			// Sent again, it is the same though the agent is elsewhere by then.
			b = appendRecipient(b, Recipient{Agent: to.Agent, Node: "*"})
			break
		}
		b = appendRecipient(b, to)
	}
	if b = appendText(b, m.Topic); m.Broadcast {
		b = append(b, 1)
	}
	p.set(0, b)
	b = b[:0]
	for _, s := range [...]string{m.Type, m.Conversation, m.CorrelationID} {
		b = appendText(b, s)
	}
	p.set(1, b)
	switch {
	case m.Plain != nil:
		p.set(2, m.Plain)
	case !m.Sealed && m.Body == nil:
		p.set(2, json.RawMessage("null"))
	case !m.Sealed:
		p.set(2, m.Body)
	}
	return p
}

func (p *imprint) set(part int, b []byte) {
	binary.BigEndian.PutUint32(p[4*part:], max(crc32.Checksum(b, castagnoli), 1))
}

// differs says in which parts two imprints differ, where both know them.
func (p *imprint) differs(q *imprint) (bits uint64) {
	for part := range len(p) / 4 {
		x, y := binary.BigEndian.Uint32(p[4*part:]), binary.BigEndian.Uint32(q[4*part:])
		if x != 0 && y != 0 && x != y {
			bits |= 1 << part
		}
	}
	return bits
}

// otherMessage refuses an id that was given to another message.
func otherMessage(bits uint64) error {
	var parts []string
	for i, name := range [...]string{"to", "type", "body"} {
		if bits&(1<<i) != 0 {
			parts = append(parts, name)
		}
	}
	words := map[string]string{"to": "whom it is for", "type": "its type or conversation", "body": "its body"}
	said := make([]string, len(parts))
	for i, name := range parts {
		said[i] = words[name]
	}
	verb := " differs"
	if len(said) > 1 {
		verb = " differ"
	}
	return &consensus.Refusal{
		Code:     CodeOtherMessage,
		Sentence: "the id was given to another message within the last 24 hours, which was accepted: " + strings.Join(said, " and ") + verb + "; give each message an id of its own",
		Details:  map[string]string{"differs": strings.Join(parts, ",")},
	}
}
