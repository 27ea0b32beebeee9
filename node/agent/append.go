package agent

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/node/message"
)

// What is appended here is what outbound.encode makes of the same frame. A
// number of 0 is none.

// appendReceive appends a receive frame.
func appendReceive(b []byte, id, frame uint64, d *message.Delivery, now time.Time, tails *tails) []byte {
	m := d.Message
	b = append(b, `{"type":"receive","id":"`...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, '"')
	b = appendFrameNumber(b, frame)
	if d.WantReply {
		b = append(b, `,"wait":true,"deadline_ms":`...)
		b = strconv.AppendInt(b, max(m.Deadline.Sub(now).Milliseconds(), 1), 10)
	}
	if m.Stored == nil && shared(m.To) {
		return append(b, tails.of(m)...)
	}
	return appendTail(b, m)
}

func appendFrameNumber(b []byte, frame uint64) []byte {
	if frame == 0 {
		return b
	}
	return strconv.AppendUint(append(b, `,"frame":`...), frame, 10)
}

// appendTail appends what is the same for every receiver of a message.
func appendTail(b []byte, m *message.Message) []byte {
	if s := m.Stored; s != nil {
		b = append(b, `,"durable":true,"seq":`...)
		b = strconv.AppendUint(b, s.Seq, 10)
		b = append(b, `,"attempt":`...)
		b = strconv.AppendInt(b, int64(s.Attempt), 10)
		b = appendTime(append(b, `,"accepted_at":`...), s.AcceptedAt)
		b = appendTime(append(b, `,"expires_at":`...), s.ExpiresAt)
		if s.Size > 0 {
			b = strconv.AppendInt(append(b, `,"size":`...), s.Size, 10)
		}
	}
	b = appendMember(b, `,"message_id":`, m.ID)
	b = append(b, `,"from":{`...)
	if m.From.Agent != "" {
		b = appendString(append(b, `"agent":`...), m.From.Agent)
		b = append(b, ',')
	}
	b = appendString(append(b, `"principal":`...), m.From.Principal)
	b = appendString(append(b, `,"node":`...), m.From.Node)
	b = append(b, '}')
	b = appendMember(b, `,"to":`, m.To)
	b = appendMember(b, `,"message_type":`, m.Type)
	b = appendMember(b, `,"conversation":`, m.Conversation)
	b = appendMember(b, `,"request_id":`, m.RequestID)
	b = appendMember(b, `,"traceparent":`, m.TraceParent)
	if m.Sealed {
		b = append(b, `,"sealed":true`...)
	}
	b = appendMember(b, `,"key":`, m.Key)
	if len(m.Body) > 0 {
		b = append(append(b, `,"body":`...), m.Body...)
	}
	return append(b, '}')
}

// appendAck appends the end of a send that has nothing more to say.
func appendAck(b []byte, id, messageID string, status message.Status) []byte {
	b = appendMember(append(b, `{"type":"ack"`...), `,"id":`, id)
	b = appendMember(b, `,"message_id":`, messageID)
	b = append(b, `,"status":"`...)
	b = append(b, status...)
	return append(b, `"}`...)
}

// appendReply appends an answer.
func appendReply(b []byte, id, messageID string, body []byte) []byte {
	b = appendMember(append(b, `{"type":"reply"`...), `,"id":`, id)
	b = appendMember(b, `,"message_id":`, messageID)
	b = append(b, `,"status":"delivered"`...)
	if len(body) > 0 {
		b = append(append(b, `,"body":`...), body...)
	}
	return append(b, '}')
}

// appendAcks appends the ends of several sends that were delivered; if ranges,
// it names ids that are consecutive numbers by the first and the last.
func appendAcks(b []byte, ids []string, ranges bool) []byte {
	b = append(b, `{"type":"ack"`...)
	var runs []pair
	if ranges {
		var memory [64]pair
		runs, ids = consecutive(ids, memory[:0])
	}
	for i, id := range ids {
		if i == 0 {
			b = append(b, `,"ids":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	if len(ids) > 0 {
		b = append(b, ']')
	}
	b = appendPairs(b, runs)
	return append(b, `,"status":"delivered"}`...)
}

// pair is the first and the last of consecutive numbers.
type pair struct{ first, last uint64 }

// maxPairNumber is the largest number that every reader of JSON keeps exactly.
const maxPairNumber = 1<<53 - 1

// consecutive takes runs of at least two numbers out of ids, whose order it
// keeps, and returns what is left, in the memory of ids.
func consecutive(ids []string, runs []pair) (_ []pair, rest []string) {
	rest = ids[:0]
	for i := 0; i < len(ids); {
		first, ok := parseNumber(ids[i])
		last, next := first, i+1
		for ok && next < len(ids) {
			if n, plain := parseNumber(ids[next]); !plain || n != last+1 || n > maxPairNumber {
				break
			}
			last++
			next++
		}
		if next-i > 1 {
			runs = append(runs, pair{first, last})
		} else {
			rest = append(rest, ids[i])
		}
		i = next
	}
	return runs, rest
}

func appendPairs(b []byte, runs []pair) []byte {
	for i, r := range runs {
		if i == 0 {
			b = append(b, `,"ranges":[[`...)
		} else {
			b = append(b, `,[`...)
		}
		b = strconv.AppendUint(b, r.first, 10)
		b = strconv.AppendUint(append(b, ','), r.last, 10)
		b = append(b, ']')
	}
	if len(runs) > 0 {
		b = append(b, ']')
	}
	return b
}

// appendNumbered appends a frame that was encoded without its number.
func appendNumbered(b, frame []byte, number uint64) []byte {
	if number == 0 || len(frame) < 2 {
		return append(b, frame...)
	}
	b = strconv.AppendUint(append(b, `{"frame":`...), number, 10)
	if frame[1] != '}' {
		b = append(b, ',')
	}
	return append(b, frame[1:]...)
}

func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}

// appendString appends s as a JSON string.
func appendString(b []byte, s string) []byte {
	begin := len(b)
	b = append(append(append(b, '"'), s...), '"')
	for i, text := 0, b[begin+1:len(b)-1]; i < len(text); {
		if len(text)-i >= 8 && odd8(binary.LittleEndian.Uint64(text[i:])) == 0 {
			i += 8
			continue
		}
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendOdd(b[:begin], s)
		}
		i++
	}
	return b
}

func appendOdd(b []byte, s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can be encoded
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// shared says that a message goes to several receivers.
func shared(to string) bool {
	return len(to) > 6 && to[:6] == "topic/" || len(to) > 2 && to[len(to)-2:] == "@*"
}

// tails remembers the encoded tails of the last messages to several, so that
// each is encoded once for all its receivers at this node.
type tails struct{ slots [16]atomic.Pointer[tail] }

type tail struct {
	m    *message.Message
	text []byte
}

// maxTail bounds what is remembered of one message.
const maxTail = 64 << 10

func (t *tails) of(m *message.Message) []byte {
	slot := &t.slots[0]
	if n := len(m.ID); n > 0 {
		slot = &t.slots[m.ID[n-1]%byte(len(t.slots))]
	}
	if had := slot.Load(); had != nil && had.m == m {
		return had.text
	}
	text := appendTail(make([]byte, 0, len(m.Body)+512), m)
	if len(text) <= maxTail {
		slot.Store(&tail{m, text})
	}
	return text
}
