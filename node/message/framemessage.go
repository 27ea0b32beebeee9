package message

import (
	"encoding/binary"
	"time"
)

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
		if !Printable(m.From.Node) || s.Inbox != "" && CheckName(s.Inbox) != nil || e.agent == "" || e.all || e.wait {
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
