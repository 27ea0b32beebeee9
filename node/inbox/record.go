package inbox

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/meshd/meshd/node/message"
)

// Lengths in bytes.
const (
	maxName  = message.MaxName
	maxLabel = 256
	// inlineBody is the largest that lies in its message's record, which is
	// written anew when it is leased or returned, and read whole when a node
	// starts.
	inlineBody = 1 << 10
	// chunkBody is the largest that goes in one piece.
	chunkBody = 128 << 10
	// overhead is what a message is charged beside its texts and body.
	overhead = 64
)

// Where a body is.
const (
	bodyInline = 0
	bodyOwn    = 1 // in tableBody, under a number
	bodyShared = 2 // a blob, which others may name too
)

type blobID [16]byte

// record is a message as it is kept. Its tail is as the command brought it:
// nobody but a reader takes it apart.
type record struct {
	Where       byte
	Sealed      bool
	Back        bool // it was returned: later ones of its sender wait for it
	Sticky      bool
	Counted     bool // to the share of its sender's principal
	Priority    Priority
	Attempts    byte
	MaxAttempts byte
	Inbox       uint64
	Accepted    int64 // ms
	TTL         int64 // ms after Accepted
	NotBefore   int64 // ms; 0: none
	LeaseUntil  int64 // ms; 0: none
	Redelivery  int64 // ms
	Charge      uint64
	BodySize    uint64
	BodyAt      uint64
	Blob        blobID
	Node        []byte
	Reason      []byte
	Tail        []byte
}

const (
	flagSealed  = 4
	flagBack    = 8
	flagSticky  = 16
	flagCounted = 32 // from LevelShare on
)

func (m *record) expires() int64 { return m.Accepted + m.TTL }

// until is when it is due.
func (m *record) until() int64 { return max(m.NotBefore, m.LeaseUntil) }

func (m *record) encode(b []byte) []byte {
	flags := m.Where
	if m.Sealed {
		flags |= flagSealed
	}
	if m.Back {
		flags |= flagBack
	}
	if m.Sticky {
		flags |= flagSticky
	}
	if m.Counted {
		flags |= flagCounted
	}
	b = append(b, format, flags, byte(m.Priority), m.Attempts, m.MaxAttempts)
	b = binary.AppendUvarint(b, m.Inbox)
	b = binary.AppendUvarint(b, uint64(m.Accepted))
	b = binary.AppendUvarint(b, uint64(m.TTL))
	b = binary.AppendUvarint(b, uint64(m.NotBefore))
	b = binary.AppendUvarint(b, uint64(m.LeaseUntil))
	b = binary.AppendUvarint(b, uint64(m.Redelivery))
	b = binary.AppendUvarint(b, m.Charge)
	b = binary.AppendUvarint(b, m.BodySize)
	switch m.Where {
	case bodyOwn:
		b = binary.AppendUvarint(b, m.BodyAt)
	case bodyShared:
		b = append(b, m.Blob[:]...)
	}
	b = appendText(b, m.Node)
	b = appendText(b, m.Reason)
	return append(b, m.Tail...)
}

// read takes the head of a record apart; its texts are parts of v.
func (m *record) read(v []byte) bool {
	c := cursor{b: v}
	if c.byte() != format {
		return false
	}
	flags := c.byte()
	m.Where, m.Sealed, m.Back, m.Sticky, m.Counted = flags&3, flags&flagSealed != 0, flags&flagBack != 0, flags&flagSticky != 0, flags&flagCounted != 0
	m.Priority, m.Attempts, m.MaxAttempts = Priority(c.byte()), c.byte(), c.byte()
	m.Inbox, m.Accepted, m.TTL, m.NotBefore, m.LeaseUntil, m.Redelivery = c.uvarint(), c.millis(), c.millis(), c.millis(), c.millis(), c.millis()
	m.Charge, m.BodySize = c.uvarint(), c.uvarint()
	switch m.Where {
	case bodyInline:
	case bodyOwn:
		m.BodyAt = c.uvarint()
	case bodyShared:
		copy(m.Blob[:], c.take(len(m.Blob)))
	default:
		c.fail()
	}
	m.Node, m.Reason = c.text(maxLabel), c.text(maxLabel)
	m.Tail = c.b
	return !c.bad && m.Priority <= Critical && flags < 2*flagCounted
}

// tail is what the sender said. Its parts share the bytes it was read from.
type tail struct {
	Topic, ID, Agent, Principal, Node          []byte
	Type, Conversation, Correlation, RequestID []byte
	Key, TraceParent                           []byte
	Body                                       []byte // inline
}

func appendTail(b []byte, m *Outgoing, body []byte) []byte {
	for _, s := range [...]string{m.Topic, m.ID, m.From.Agent, m.From.Principal, m.From.Node, m.Type, m.Conversation, m.CorrelationID, m.RequestID, m.Key, m.TraceParent} {
		b = appendText(b, s)
	}
	return append(b, body...)
}

func (t *tail) read(v []byte) bool {
	c := cursor{b: v}
	t.sender(&c)
	t.Node, t.Type = c.text(maxLabel), c.text(maxLabel)
	t.Conversation, t.Correlation, t.RequestID = c.text(maxLabel), c.text(maxLabel), c.text(maxLabel)
	t.Key, t.TraceParent = c.text(maxLabel), c.text(maxLabel)
	t.Body = c.b
	return !c.bad
}

func (t *tail) sender(c *cursor) {
	t.Topic, t.ID, t.Agent, t.Principal = c.text(maxLabel), c.text(MaxID), c.text(maxName), c.text(maxLabel)
}

// readSender reads as far as to the principal.
func (t *tail) readSender(v []byte) bool {
	c := cursor{b: v}
	t.sender(&c)
	return !c.bad
}

// stored is the message for those above; body is nil where it is not wanted or
// lies elsewhere.
func (m *record) stored(agent string, seq uint64) (Stored, error) {
	var t tail
	if !t.read(m.Tail) {
		return Stored{}, errBroken(fmt.Sprintf("message %d", seq))
	}
	s := Stored{
		Seq: seq, ID: string(t.ID), Agent: agent, Node: string(m.Node), Topic: string(t.Topic),
		From: message.Sender{Agent: string(t.Agent), Principal: string(t.Principal), Node: string(t.Node)},
		Type: string(t.Type), Conversation: string(t.Conversation), CorrelationID: string(t.Correlation), RequestID: string(t.RequestID),
		Sticky: m.Sticky, Size: int64(m.BodySize), Sealed: m.Sealed, Key: string(t.Key), Priority: m.Priority,
		AcceptedAt: when(m.Accepted), ExpiresAt: when(m.expires()), NotBefore: when(m.NotBefore), LeaseUntil: when(m.LeaseUntil),
		Redelivery: time.Duration(m.Redelivery) * time.Millisecond,
		Attempts:   int(m.Attempts), MaxAttempts: int(m.MaxAttempts), Reason: string(m.Reason), TraceParent: string(t.TraceParent),
	}
	return s, nil
}

func when(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// errBroken is a record that this version cannot read, which is no one's
// command's fault.
func errBroken(what string) error {
	return fmt.Errorf("%s cannot be read by this version", what)
}

// deadRecord is a dead letter: why and when it died, and the message.
type deadRecord struct {
	Death  byte
	At     int64
	Record []byte
}

// The numbers of deaths are part of the format.
var deaths = [...]Death{1: DeathExpired, 2: DeathAttempts, 3: DeathReturned, 4: DeathPurged}

const (
	diedExpired  = 1
	diedAttempts = 2
	diedReturned = 3
	diedPurged   = 4
)

func (d *deadRecord) encode(b []byte) []byte {
	b = append(b, format, d.Death)
	b = binary.AppendUvarint(b, uint64(d.At))
	return append(b, d.Record...)
}

func (d *deadRecord) read(v []byte) bool {
	c := cursor{b: v}
	if c.byte() != format {
		return false
	}
	d.Death, d.At = c.byte(), c.millis()
	d.Record = c.b
	return !c.bad && d.Death >= diedExpired && d.Death <= diedPurged
}

// open reads a dead letter and its message, whose texts are parts of v.
func (d *deadRecord) open(v []byte, m *record) error {
	if !d.read(v) || !m.read(d.Record) {
		return errBroken("a dead letter")
	}
	return nil
}

// blobRecord is a body in chunks. What no message names for ten minutes goes.
type blobRecord struct {
	At, Size, Chunks, Refs uint64
}

func (r *blobRecord) fields() []*uint64 { return []*uint64{&r.At, &r.Size, &r.Chunks, &r.Refs} }

func (r *blobRecord) encode(b []byte) []byte { return appendNumbers(b, r.fields()) }

func (r *blobRecord) read(v []byte) bool {
	c := cursor{b: v}
	c.numbers(r.fields())
	return c.whole()
}

// idRecord remembers an accepted message id. What its message was follows the
// numbers where that is known.
type idRecord struct {
	N, At, Seq, Count, Known uint64
	Print                    imprint
}

func (r *idRecord) fields() []*uint64 { return []*uint64{&r.N, &r.At, &r.Seq, &r.Count, &r.Known} }

func (r *idRecord) encode(b []byte) []byte {
	b = appendNumbers(b, r.fields())
	if r.Print == (imprint{}) {
		return b
	}
	return append(b, r.Print[:]...)
}

func (r *idRecord) read(v []byte) bool {
	c := cursor{b: v}
	c.numbers(r.fields())
	r.Print = imprint{}
	if len(c.b) > 0 {
		copy(r.Print[:], c.take(len(r.Print)))
	}
	return c.whole()
}

// fromRecord is the answer to one command of one Service.
type fromRecord struct {
	Number uint64
	At     int64
	Result []byte
}

func (f *fromRecord) encode(b []byte) []byte {
	b = append(b, format)
	b = binary.AppendUvarint(b, f.Number)
	b = binary.AppendUvarint(b, uint64(f.At))
	return append(b, f.Result...)
}

func (f *fromRecord) read(v []byte) bool {
	c := cursor{b: v}
	if c.byte() != format {
		return false
	}
	f.Number, f.At = c.uvarint(), c.millis()
	f.Result = c.b
	return !c.bad
}

// subRecord is a durable subscription.
type subRecord struct{ Since uint64 }

func (s *subRecord) encode(b []byte) []byte { return appendNumbers(b, []*uint64{&s.Since}) }

func (s *subRecord) read(v []byte) bool {
	c := cursor{b: v}
	c.numbers([]*uint64{&s.Since})
	return c.whole()
}
