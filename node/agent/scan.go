package agent

import (
	"encoding/json"

	"github.com/meshd/meshd/node/jsonwalk"
)

// scan reads the frames that come by the thousand (send, reply, ack, credit,
// seen) into f as decodeFrame would, in one pass and with an allocation a
// field, and returns where the frame that begins at i ends. It is -1 for all
// that is unusual: another type, a field that it does not know, an escape,
// whatever is wrong. decodeFrame then judges, so a frame that scan takes is one
// that decodeFrame takes, with the same meaning.
func (l *link) scan(b []byte, i int, f *inbound) (end int) {
	if i >= len(b) || b[i] != '{' {
		return -1
	}
	i++
	var had uint32
	for {
		i = jsonwalk.Space(b, i)
		name, next := plainString(b, i)
		if next < 0 {
			return -1
		}
		i = jsonwalk.Space(b, next)
		if i >= len(b) || b[i] != ':' {
			return -1
		}
		i = jsonwalk.Space(b, i+1)
		field := fieldOf(name)
		if field == inNone || had&(1<<field) != 0 {
			return -1
		}
		had |= 1 << field
		if i = l.member(b, i, field, f); i < 0 {
			return -1
		}
		i = jsonwalk.Space(b, i)
		if i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			break
		}
		if b[i] != ',' {
			return -1
		}
		i++
	}
	if had&^scannable(f.Type) != 0 || had&(1<<inType) == 0 || !visible(f.ID) || f.check() != nil {
		return -1
	}
	return i + 1
}

// Fields that scan knows.
const (
	inType = uint(iota)
	inID
	inFrame
	inTo
	inBody
	inMessageID
	inMessageType
	inConversation
	inTimeout
	inWait
	inRequestID
	inTraceParent
	inReplyTo
	inIDs
	inAdd
	inDurable
	inSticky
	inNone
)

// fieldOf finds the field of a name. A switch takes half as long as a map.
func fieldOf(name []byte) uint {
	switch string(name) {
	case "type":
		return inType
	case "id":
		return inID
	case "frame":
		return inFrame
	case "to":
		return inTo
	case "body":
		return inBody
	case "message_id":
		return inMessageID
	case "message_type":
		return inMessageType
	case "conversation":
		return inConversation
	case "timeout":
		return inTimeout
	case "wait":
		return inWait
	case "request_id":
		return inRequestID
	case "traceparent":
		return inTraceParent
	case "in_reply_to":
		return inReplyTo
	case "ids":
		return inIDs
	case "add":
		return inAdd
	case "durable":
		return inDurable
	case "sticky":
		return inSticky
	}
	return inNone
}

// scannable says which of them a type of frame may have.
func scannable(kind string) uint32 {
	const any = 1<<inType | 1<<inID | 1<<inFrame
	switch kind {
	case "send":
		return any | 1<<inTo | 1<<inBody | 1<<inMessageID | 1<<inMessageType | 1<<inConversation |
			1<<inTimeout | 1<<inWait | 1<<inRequestID | 1<<inTraceParent | 1<<inDurable | 1<<inSticky
	case "reply":
		return any | 1<<inReplyTo | 1<<inBody
	case "ack":
		return any | 1<<inIDs
	case "credit":
		return any | 1<<inAdd
	case "seen":
		return any
	}
	return 0
}

// member reads the value at i and returns where it ends, -1 where it is not
// one to be read here.
func (l *link) member(b []byte, i int, field uint, f *inbound) int {
	switch field {
	case inBody:
		end := jsonEnd(b, i)
		if end < 0 {
			return -1
		}
		f.Body = append(json.RawMessage(nil), b[i:end]...)
		return end
	case inWait:
		return scanBool(b, i, &f.Wait)
	case inDurable:
		return scanBool(b, i, &f.Durable)
	case inSticky:
		return scanBool(b, i, &f.Sticky)
	case inFrame:
		n, end := scanNumber(b, i)
		f.Frame = n
		return end
	case inAdd:
		n, end := scanNumber(b, i)
		if n > maxCredit {
			return -1
		}
		f.Add = uint32(n)
		return end
	case inIDs:
		return scanStrings(b, i, &f.IDs)
	}
	text, end := scanString(b, i)
	if end < 0 {
		return -1
	}
	switch field {
	case inType:
		f.Type = word(text)
	case inID:
		f.ID = string(text)
	case inTo:
		if string(text) != l.to {
			l.to = string(text)
		}
		f.To = l.to
	case inMessageID:
		f.MessageID = string(text)
	case inMessageType:
		f.MessageType = string(text)
	case inConversation:
		f.Conversation = string(text)
	case inTimeout:
		f.Timeout = string(text)
	case inRequestID:
		f.RequestID = string(text)
	case inTraceParent:
		f.TraceParent = string(text)
	case inReplyTo:
		f.InReplyTo = string(text)
	}
	return end
}

// word spells the types of frames without an allocation.
func word(text []byte) string {
	switch string(text) {
	case "send":
		return "send"
	case "reply":
		return "reply"
	case "ack":
		return "ack"
	case "credit":
		return "credit"
	case "seen":
		return "seen"
	}
	return "" // decodeFrame's
}
