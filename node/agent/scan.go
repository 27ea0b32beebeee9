package agent

import (
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"

	"github.com/meshd/meshd/node/strictjson"
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
		i = skipSpace(b, i)
		name, next := plainString(b, i)
		if next < 0 {
			return -1
		}
		i = skipSpace(b, next)
		if i >= len(b) || b[i] != ':' {
			return -1
		}
		i = skipSpace(b, i+1)
		field := fieldOf(name)
		if field == inNone || had&(1<<field) != 0 {
			return -1
		}
		had |= 1 << field
		if i = l.member(b, i, field, f); i < 0 {
			return -1
		}
		i = skipSpace(b, i)
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

// scanString is plainString for a value: what it holds is checked.
func scanString(b []byte, i int) ([]byte, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	odd := false
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			if text := b[i+1 : j]; !odd || utf8.Valid(text) {
				return text, j + 1
			}
			return nil, -1
		case c == '\\' || c < ' ':
			return nil, -1
		case c >= utf8.RuneSelf:
			odd = true
		}
	}
	return nil, -1
}

func scanStrings(b []byte, i int, out *[]string) int {
	if i >= len(b) || b[i] != '[' {
		return -1
	}
	list := []string{}
	for i = skipSpace(b, i+1); ; i = skipSpace(b, i+1) {
		text, end := scanString(b, i)
		if end < 0 || len(list) > maxAcks {
			return -1 // an empty list too
		}
		list = append(list, string(text))
		i = skipSpace(b, end)
		switch {
		case i >= len(b):
			return -1
		case b[i] == ']':
			*out = list
			return i + 1
		case b[i] != ',':
			return -1
		}
	}
}

func scanBool(b []byte, i int, out *bool) int {
	switch {
	case len(b)-i >= 4 && string(b[i:i+4]) == "true":
		*out = true
		return i + 4
	case len(b)-i >= 5 && string(b[i:i+5]) == "false":
		return i + 5
	}
	return -1
}

// scanNumber reads a whole number without sign, fraction or exponent.
func scanNumber(b []byte, i int) (uint64, int) {
	end := i
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	n, ok := parseNumber(string(b[i:end]))
	if !ok || end < len(b) && (b[end] == '.' || b[end] == 'e' || b[end] == 'E') {
		return 0, -1
	}
	return n, end
}

// jsonEnd returns where the JSON value at i ends, -1 where there is none that
// strictjson would take.
func jsonEnd(b []byte, i int) int {
	if end := plainValue(b, i, 0); end >= 0 {
		return end
	}
	end := skipValue(b, i)
	if end < 0 || strictjson.Check(b[i:end]) != nil {
		return -1
	}
	for end > i && (b[end-1] == ' ' || b[end-1] == '\t' || b[end-1] == '\n' || b[end-1] == '\r') {
		end-- // skipValue goes on to the comma after a number
	}
	return end
}

// Bounds of what plainValue looks at by itself.
const (
	plainDepth   = 32
	plainMembers = 16
)

// plainValue returns where a value ends that is certainly right; -1 leaves it
// to strictjson.
func plainValue(b []byte, i, depth int) int {
	if i >= len(b) || depth > plainDepth {
		return -1
	}
	switch c := b[i]; {
	case c == '"':
		return plainText(b, i)
	case c == '{':
		return plainObject(b, i, depth)
	case c == '[':
		if i = skipSpace(b, i+1); i < len(b) && b[i] == ']' {
			return i + 1
		}
		for {
			if i = plainValue(b, i, depth+1); i < 0 {
				return -1
			}
			if i = skipSpace(b, i); i >= len(b) {
				return -1
			}
			if b[i] == ']' {
				return i + 1
			}
			if b[i] != ',' {
				return -1
			}
			i = skipSpace(b, i+1)
		}
	case c == 't' && len(b)-i >= 4 && string(b[i:i+4]) == "true", c == 'n' && len(b)-i >= 4 && string(b[i:i+4]) == "null":
		return i + 4
	case c == 'f' && len(b)-i >= 5 && string(b[i:i+5]) == "false":
		return i + 5
	case c == '-' || c >= '0' && c <= '9':
		return plainNumber(b, i)
	}
	return -1
}

// plainText is scanString with the escapes of one letter.
func plainText(b []byte, i int) int {
	odd := false
	for j := i + 1; ; j++ {
		for len(b)-j >= 16 && odd8(binary.LittleEndian.Uint64(b[j:]))|odd8(binary.LittleEndian.Uint64(b[j+8:])) == 0 {
			j += 16
		}
		if j >= len(b) {
			return -1
		}
		switch c := b[j]; {
		case c == '"':
			if odd && !utf8.Valid(b[i+1:j]) {
				return -1
			}
			return j + 1
		case c == '\\':
			if j++; j >= len(b) {
				return -1
			}
			switch b[j] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			default:
				return -1
			}
		case c < ' ':
			return -1
		case c >= utf8.RuneSelf:
			odd = true
		}
	}
}

// odd8 is not 0 where one of eight bytes is a quote, a backslash, a control
// character or beyond ASCII (Warren, Hacker's Delight, 6-1): a subtraction
// borrows from the high bit of the byte that is too small.
func odd8(v uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	return (v | (v - ones*' ') | ((v ^ ones*'"') - ones) | ((v ^ ones*'\\') - ones)) & high
}

func plainObject(b []byte, i, depth int) int {
	if i = skipSpace(b, i+1); i < len(b) && b[i] == '}' {
		return i + 1
	}
	var names [plainMembers][]byte
	for n := 0; n < plainMembers; n++ {
		name, end := scanString(b, i)
		if end < 0 {
			return -1
		}
		for _, had := range names[:n] {
			if string(had) == string(name) {
				return -1
			}
		}
		names[n] = name
		if i = skipSpace(b, end); i >= len(b) || b[i] != ':' {
			return -1
		}
		if i = plainValue(b, skipSpace(b, i+1), depth+1); i < 0 {
			return -1
		}
		if i = skipSpace(b, i); i >= len(b) {
			return -1
		}
		if b[i] == '}' {
			return i + 1
		}
		if b[i] != ',' {
			return -1
		}
		i = skipSpace(b, i+1)
	}
	return -1
}

// plainNumber follows the grammar of RFC 8259 section 6.
func plainNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	digits := func() bool {
		begin := i
		for i < len(b) && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		return i > begin
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i++; !digits() {
			return -1
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return -1
		}
	}
	return i
}

// cutNumber takes the number out of a numbered frame that somebody else reads;
// 0 where it has none that is spelled plainly.
func cutNumber(b []byte) (rest []byte, number uint64) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != '{' {
		return b, 0
	}
	before := i // of the comma, or the brace, in front of the member
	for i++; ; i++ {
		i = skipSpace(b, i)
		name, next := plainString(b, i)
		if next < 0 {
			return b, 0
		}
		if next = skipSpace(b, next); next >= len(b) || b[next] != ':' {
			return b, 0
		}
		value := skipSpace(b, next+1)
		if string(name) == "frame" {
			n, end := scanNumber(b, value)
			if end < 0 {
				return b, 0
			}
			end = skipSpace(b, end)
			rest = append([]byte(nil), b[:before]...)
			switch {
			case end < len(b) && b[end] == ',' && b[before] == '{':
				return append(append(rest, '{'), b[end+1:]...), n
			case end < len(b) && b[end] == '}' && b[before] == '{':
				return append(append(rest, '{'), b[end:]...), n
			}
			return append(rest, b[end:]...), n
		}
		if i = skipValue(b, value); i < 0 {
			return b, 0
		}
		if i = skipSpace(b, i); i >= len(b) || b[i] != ',' {
			return b, 0
		}
		before = i
	}
}
