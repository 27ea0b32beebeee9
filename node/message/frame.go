package message

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
)

// What crosses a connection between two nodes is a row of records:
//
//	message    1, uvarint length of what follows, uvarint number, u16 flags,
//	           uvarint milliseconds left, uvarint length of the head, head, body
//	outcome    2, uvarint length of what follows, uvarint number, u8 status and
//	           flags, [code, sentence, details], [counts], [answer]
//	delivered  3, uvarint number: an outcome without anything beside it
//	interest   4, uvarint length of what follows, uvarint number, uvarint from,
//	           uvarint to, and changes: u8 1 (new) or 0 (gone), pattern
//
// A head is a row of strings, each a uvarint length and its bytes; the flags
// say which there are. Messages and interests are numbered by who sends them;
// outcome and delivered carry the number of what they answer. Integers of a
// fixed size are big-endian.
const (
	recordMessage byte = iota + 1
	recordOutcome
	recordDelivered
	recordInterest
)

const (
	flagAll uint16 = 1 << iota
	flagWait
	flagTopic
	flagSticky
	flagSealed
	flagStored
	flagTo // To is not the agent alone
	flagAgent
	flagType
	flagConversation
	flagRequest
	flagTrace
	flagKey
	flagPriority
	flagNoBody
)

const (
	// MaxRecord bounds one record between nodes, in bytes: a body and what
	// is around it.
	MaxRecord = MaxBody + 16<<10
	// maxHead bounds what is around a body.
	maxHead = 8 << 10
	// maxRefusal bounds each text of a refusal that crosses, and the number
	// of its details.
	maxRefusal = 4 << 10
	maxDetails = 32
)

var errRecord = errors.New("malformed message record")

// envelope is a message between nodes: what the record says beside it.
type envelope struct {
	agent     string // whose sessions it is for; "" for a topic
	all, wait bool
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// textReader takes a head apart without copying it.
type textReader struct {
	rest string
	bad  bool
}

func (r *textReader) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen64; i++ {
		c := r.rest[i]
		if c < 0x80 {
			if i == binary.MaxVarintLen64-1 && c > 1 {
				break
			}
			r.rest = r.rest[i+1:]
			return v | uint64(c)<<(7*i)
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	r.bad, r.rest = true, ""
	return 0
}

func (r *textReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *textReader) textIf(has bool) string {
	if !has {
		return ""
	}
	return r.text()
}

func unixNano(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(t.UnixNano())
}

func fromUnixNano(n uint64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(n)).UTC()
}

// appendMessage appends the record of m. The sender's node is not in it,
// unless an inbox held m: it is who the connection authenticated.
func appendMessage(b []byte, number uint64, m *Message, e envelope, now time.Time) []byte {
	var flags uint16
	set := func(f uint16, on bool) {
		if on {
			flags |= f
		}
	}
	set(flagAll, e.all)
	set(flagWait, e.wait)
	set(flagTopic, e.agent == "")
	set(flagSticky, m.Sticky)
	set(flagSealed, m.Sealed)
	set(flagStored, m.Stored != nil)
	set(flagTo, e.agent == "" || m.To != e.agent)
	set(flagAgent, m.From.Agent != "")
	set(flagType, m.Type != "")
	set(flagConversation, m.Conversation != "")
	set(flagRequest, m.RequestID != "")
	set(flagTrace, m.TraceParent != "")
	set(flagKey, m.Key != "")
	set(flagPriority, m.Priority != 0)
	set(flagNoBody, m.Body == nil)
	left := max(m.Deadline.Sub(now), time.Millisecond)

	// The lengths in front are written with room to spare and closed up after.
	const room = 4
	start := len(b)
	b = append(b, recordMessage, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, number)
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.AppendUvarint(b, uint64(left.Milliseconds()))
	head := len(b)
	b = append(b, 0, 0)
	if e.agent != "" {
		b = appendString(b, e.agent)
	}
	b = appendString(b, m.ID)
	b = appendString(b, m.From.Principal)
	for _, f := range [...]struct {
		flag uint16
		text string
	}{
		{flagTo, m.To}, {flagAgent, m.From.Agent}, {flagType, m.Type}, {flagConversation, m.Conversation},
		{flagRequest, m.RequestID}, {flagTrace, m.TraceParent}, {flagKey, m.Key},
	} {
		if flags&f.flag != 0 {
			b = appendString(b, f.text)
		}
	}
	if m.Priority != 0 {
		b = append(b, m.Priority)
	}
	if s := m.Stored; s != nil {
		b = appendString(b, m.From.Node)
		b = appendString(b, s.Inbox)
		b = binary.AppendUvarint(b, s.Seq)
		b = binary.AppendUvarint(b, uint64(s.Attempt))
		b = binary.AppendUvarint(b, unixNano(s.AcceptedAt))
		b = binary.AppendUvarint(b, unixNano(s.ExpiresAt))
		b = binary.AppendUvarint(b, uint64(s.Size))
	}
	// Two bytes of a padded uvarint hold every head: 8 KiB of 16.
	putPadded(b[head:head+2], uint64(len(b)-head-2))
	b = append(b, m.Body...)
	putPadded(b[start+1:start+1+room], uint64(len(b)-start-1-room))
	return b
}

// putPadded writes v as a uvarint of exactly len(b) bytes.
func putPadded(b []byte, v uint64) {
	for i := range b {
		b[i] = byte(v)&0x7f | 0x80
		v >>= 7
	}
	b[len(b)-1] &= 0x7f
}

// record is one record as it came; the slices are of the batch.
type record struct {
	kind   byte
	number uint64
	flags  uint16
	leftMs uint64
	head   []byte
	body   []byte
}

func uvarint(b []byte) (v uint64, rest []byte, ok bool) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, false
	}
	return v, b[n:], true
}

// nextRecord splits the first record off a batch.
func nextRecord(b []byte) (r record, rest []byte, err error) {
	r.kind = b[0]
	b = b[1:]
	var ok bool
	if r.kind == recordDelivered {
		if r.number, rest, ok = uvarint(b); !ok {
			return r, nil, errRecord
		}
		return r, rest, nil
	}
	n, b, ok := uvarint(b)
	if !ok || n > uint64(len(b)) || n > MaxRecord {
		return r, nil, errRecord
	}
	b, rest = b[:n], b[n:]
	if r.number, b, ok = uvarint(b); !ok {
		return r, nil, errRecord
	}
	switch r.kind {
	case recordMessage:
		if len(b) < 2 {
			return r, nil, errRecord
		}
		r.flags = binary.BigEndian.Uint16(b)
		if r.leftMs, b, ok = uvarint(b[2:]); !ok {
			return r, nil, errRecord
		}
		var head uint64
		if head, b, ok = uvarint(b); !ok || head > uint64(len(b)) || head > maxHead {
			return r, nil, errRecord
		}
		r.head, r.body = b[:head], b[head:]
	case recordOutcome, recordInterest:
		r.body = b
	default:
		return r, nil, errRecord
	}
	return r, rest, nil
}

// arrival is a message of another node with the memory of its delivery.
type arrival struct {
	message  Message
	delivery Delivery
}

// message reads a message that came from node `from` and checks every field
// as if a client had sent it. Nothing of it is of the batch any more.
func (r *record) message(from string, now time.Time) (*arrival, envelope, error) {
	t := textReader{rest: string(r.head)}
	has := func(f uint16) bool { return r.flags&f != 0 }
	e := envelope{all: has(flagAll), wait: has(flagWait)}
	e.agent = t.textIf(!has(flagTopic))
	a := &arrival{message: Message{
		From: Sender{Node: from}, Sticky: has(flagSticky), Sealed: has(flagSealed), Checked: true,
	}}
	m := &a.message
	m.ID, m.From.Principal = t.text(), t.text()
	if m.To = e.agent; has(flagTo) {
		m.To = t.text()
	}
	m.From.Agent, m.Type, m.Conversation = t.textIf(has(flagAgent)), t.textIf(has(flagType)), t.textIf(has(flagConversation))
	m.RequestID, m.TraceParent, m.Key = t.textIf(has(flagRequest)), t.textIf(has(flagTrace)), t.textIf(has(flagKey))
	if has(flagPriority) {
		m.Priority = uint8(min(t.uvarint(), 255))
	}
	longest := MaxTimeout
	if has(flagStored) {
		longest = MaxHold
		m.From.Node = t.text()
		m.Stored = &Stored{Inbox: t.text(), Seq: t.uvarint(), Attempt: int(min(t.uvarint(), 1<<30))}
		m.Stored.AcceptedAt, m.Stored.ExpiresAt = fromUnixNano(t.uvarint()), fromUnixNano(t.uvarint())
		m.Stored.Size = int64(min(t.uvarint(), 1<<62))
	}
	m.Deadline = now.Add(time.Duration(min(r.leftMs, uint64(longest/time.Millisecond))) * time.Millisecond)
	if t.bad || t.rest != "" {
		return a, e, invalid("frame", "the head of the message cannot be read")
	}
	switch {
	case has(flagNoBody) && (m.Stored == nil || len(r.body) > 0), !has(flagNoBody) && len(r.body) == 0:
		return a, e, invalid("body", "a message body is one JSON value")
	case !has(flagNoBody):
		m.Body = append([]byte(nil), r.body...)
	}
	return a, e, e.check(m, has(flagTo))
}

// check judges a message from another node.
func (e envelope) check(m *Message, ownTo bool) error {
	if e.agent != "" {
		if err := CheckName(e.agent); err != nil {
			return err
		}
	}
	if ownTo {
		to, err := ParseAddress(m.To)
		switch {
		case err != nil:
			return err
		case e.agent == "" && to.Topic == "":
			return invalid("to", "the message is for no agent and no topic")
		}
	}
	if e.wait && (e.all || e.agent == "") {
		return errWaitAll
	}
	if s := m.Stored; s != nil {
		if !printable(m.From.Node) || s.Inbox != "" && CheckName(s.Inbox) != nil || e.agent == "" || e.all || e.wait {
			return invalid("frame", "a message of an inbox is for one instance of one agent")
		}
	}
	if err := m.check(); err != nil {
		return err
	}
	if m.Body != nil && !ValidJSON(m.Body) {
		return errNotJSON()
	}
	return nil
}

// outcome is what became of a message at the node that hosts the receiver.
type outcome struct {
	Status  Status
	Reply   []byte
	Refusal *consensus.Refusal
	Counts  *Counts
}

var statuses = [...]Status{Delivered, Refused, Unknown}

const (
	outcomeRefusal byte = 0x10 << iota
	outcomeCounts
	outcomeReply
)

// appendOutcome appends the record of what became of message `number`.
func appendOutcome(b []byte, number uint64, o outcome) []byte {
	if o.Status == Delivered && o.Refusal == nil && o.Counts == nil && o.Reply == nil {
		return binary.AppendUvarint(append(b, recordDelivered), number)
	}
	const room = 4
	start := len(b)
	b = append(b, recordOutcome, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, number)
	at := len(b)
	b = append(b, 0)
	for i, s := range statuses {
		if o.Status == s {
			b[at] = byte(i)
		}
	}
	if r := o.Refusal; r != nil {
		b[at] |= outcomeRefusal
		b = appendString(b, clip(r.Code, 64))
		b = appendString(b, clip(r.Sentence, maxRefusal))
		count := len(b)
		b = append(b, 0)
		for k, v := range r.Details {
			if b[count] == maxDetails {
				break
			}
			b[count]++
			b = appendString(appendString(b, clip(k, maxLabel)), clip(v, maxRefusal))
		}
	}
	if c := o.Counts; c != nil {
		b[at] |= outcomeCounts
		for _, n := range [...]int{c.Delivered, c.Refused, c.Unknown} {
			b = binary.AppendUvarint(b, uint64(n))
		}
	}
	if o.Reply != nil {
		b[at] |= outcomeReply
		b = append(b, o.Reply...)
	}
	putPadded(b[start+1:start+1+room], uint64(len(b)-start-1-room))
	return b
}

func clip(s string, limit int) string {
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// outcome reads what another node says became of a message.
func (r *record) outcome() (outcome, error) {
	var o outcome
	if r.kind == recordDelivered {
		return outcome{Status: Delivered}, nil
	}
	b := r.body
	if len(b) == 0 || int(b[0]&0xf) >= len(statuses) || b[0]&0x80 != 0 {
		return o, errRecord
	}
	has := b[0]
	o.Status = statuses[has&0xf]
	b = b[1:]
	if has&outcomeReply != 0 && has&(outcomeRefusal|outcomeCounts) == 0 {
		return o, o.answer(b)
	}
	t := textReader{rest: string(b)}
	if has&outcomeRefusal != 0 {
		o.Refusal = &consensus.Refusal{Code: t.text(), Sentence: t.text()}
		if n := t.uvarint(); n > maxDetails {
			return o, errRecord
		} else if n > 0 {
			o.Refusal.Details = make(map[string]string, n)
			for range n {
				k := t.text()
				o.Refusal.Details[k] = t.text()
			}
		}
		if len(o.Refusal.Code) > 64 || len(o.Refusal.Sentence) > maxRefusal {
			return o, errRecord
		}
	}
	if has&outcomeCounts != 0 {
		o.Counts = &Counts{Delivered: count(t.uvarint()), Refused: count(t.uvarint()), Unknown: count(t.uvarint())}
	}
	if t.bad || o.Status == Refused && o.Refusal == nil && o.Counts == nil {
		return o, errRecord
	}
	if has&outcomeReply != 0 {
		return o, o.answer([]byte(t.rest))
	}
	if t.rest != "" {
		return o, errRecord
	}
	return o, nil
}

// count bounds what another node says it has counted.
func count(n uint64) int { return int(min(n, 1<<31)) }

// answer takes the body of an answer.
func (o *outcome) answer(b []byte) error {
	if len(b) > MaxBody || !ValidJSON(b) {
		return errRecord
	}
	o.Reply = append([]byte(nil), b...)
	return nil
}

// refusedBy makes the outcome of a refusal.
func refusedBy(err error) outcome { return outcome{Status: Refused, Refusal: asRefusal(err)} }
