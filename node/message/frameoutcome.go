package message

import (
	"encoding/binary"
	"strings"

	"github.com/meshd/meshd/consensus"
)

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
