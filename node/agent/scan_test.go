package agent

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/node/jsonwalk"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/strictjson"
)

var plainFrames = []string{
	`{"type":"send","id":"1","to":"b","body":{"a":[1,-2.5e3,true,null,"x\n\"y"]}}`,
	`{ "type" : "send" , "id" : "1" , "to" : "b@*" , "message_id" : "m" , "message_type" : "Q" , "conversation" : "c é" , "wait" : true , "timeout" : "5s" , "body" : [ ] }`,
	`{"type":"send","id":"1","frame":7,"to":"topic/a/b","request_id":"r","traceparent":"00-1","durable":false,"sticky":true,"body":null}`,
	`{"type":"send","id":"1","to":"b"}`, `{"type":"send","id":"1","to":"b","durable":true,"body":"é"}`,
	`{"type":"reply","in_reply_to":"1","body":0.5}`, `{"type":"ack","ids":["1","2"]}`, `{"type":"ack","id":"1","frame":3}`,
	`{"type":"credit","add":65536}`, `{"type":"seen","frame":18446744073709551}`,
}

var oddFrames = []string{
	`{"type":"send","id":"1","to":"b","body":{"a":1,"a":2}}`, `{"type":"send","id":"1","to":"b","body":"\ud800"}`, `{"type":"send","id":"1","to":"b","body":01}`,
	`{"type":"send","id":"1","to":"b","body":1,"body":2}`, `{"type":"send","id":"1","to":"b","colour":1}`, `{"type":"send","id":"1","to":"b","body":1}x`,
	`{"type":"send","id":"1","to":"b","add":1}`, `{"type":"ack","ids":[]}`, `{"type":"ack"}`, `{"type":"credit","add":0}`, `{"type":"credit","add":65537}`,
	`{"type":"credit","add":1.0}`, `{"type":"seen","frame":01}`, `{"type":"seen","frame":-1}`, `{"type":"send","id":"a b","to":"b"}`, `{"type":"send","id":"1","to":"b","timeout":"x"}`,
	"{\"type\":\"send\",\"id\":\"1\",\"to\":\"\xff\"}", "{\"type\":\"send\",\"id\":\"1\",\"to\":\"b\",\"body\":\"\x01\"}", `{"type":"send","id":"1","to":"b","body":1 2}`,
	`{"type":"send","id":"1","to":"b","body":"\u00e9"}`, `{"type":"send","id":"1","in_reply_to":"1","body":1}`, `{"type":"hello","acks":true}`, `{"type":"ack","ids":["1" "2"]}`,
	`{"type":"send","id":"1","to":"b","body":-}`, `{"type":"send","id":"1","to":"b","body":1.}`, `{"type":"send","id":"1","to":"b","body":1e}`, `{"type":"send","id":"1","to":"b","wait":"true"}`,
	`{"type":"reply","in_reply_to":"1"}`, `{"typ\u0065":"ack","id":"1"}`, `{"Type":"ack","id":"1"}`, `{}`, `[`, ``,
}

// What scan takes decodeFrame takes with the same meaning.
func sameAsDecoded(t *testing.T, frame []byte) (scanned bool) {
	t.Helper()
	var fast inbound
	if end := new(link).scan(frame, jsonwalk.Space(frame, 0), &fast); end < 0 || jsonwalk.Space(frame, end) < len(frame) {
		return false
	}
	slow, err := decodeFrame(frame)
	if err != nil {
		t.Fatalf("%s: %v", frame, err)
	}
	if !reflect.DeepEqual(fast, slow) {
		t.Fatalf("%s:\n%+v\n%+v", frame, fast, slow)
	}
	return true
}

func TestScan(t *testing.T) {
	for _, frame := range plainFrames {
		if !sameAsDecoded(t, []byte(frame)) {
			t.Errorf("%s was left to the decoder", frame)
		}
	}
	for _, frame := range oddFrames {
		sameAsDecoded(t, []byte(frame))
	}
	deep := `{"type":"send","id":"1","to":"b","body":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	sameAsDecoded(t, []byte(deep))
	if !sameAsDecoded(t, []byte(`{"type":"send","id":"1","to":"b","body":"\u00e9 \u0041"}`)) {
		t.Error("a body with escapes was left to the decoder")
	}
}

// Every byte, wherever it falls among eight.
func TestPlainText(t *testing.T) {
	for length := range 70 {
		for at := range length {
			for c := range 256 {
				text := []byte(`"` + strings.Repeat("v", length) + `"`)
				text[at+1] = byte(c)
				end := plainText(text, 0)
				if end >= 0 && strictjson.Check(text[:end]) != nil {
					t.Fatalf("%q was taken", text[:end])
				}
				if c >= ' ' && c < 0x80 && c != '"' && c != '\\' && end != len(text) {
					t.Fatalf("%q was left to the decoder", text)
				}
			}
		}
	}
	if plainText([]byte(`"vvvvvvvvvvvvvvvvv`), 0) >= 0 {
		t.Fatal("a text without an end was taken")
	}
}

func FuzzScan(f *testing.F) {
	for _, frame := range append(plainFrames, oddFrames...) {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		sameAsDecoded(t, frame)
		if end := plainValue(frame, 0, 0); end >= 0 {
			if err := strictjson.Check(frame[:end]); err != nil {
				t.Fatalf("%q: %v", frame[:end], err)
			}
		}
	})
}

func TestCutNumber(t *testing.T) {
	for in, want := range map[string]string{
		`{"frame":3,"type":"read","id":"1"}`:           `{"type":"read","id":"1"}`,
		`{"type":"read","frame":3,"id":"1"}`:           `{"type":"read","id":"1"}`,
		`{"type":"read","x":{"frame":9},"frame":3}`:    `{"type":"read","x":{"frame":9}}`,
		` { "frame" : 3 } `:                            ` {} `,
		`{"type":"read" , "frame" : 3 , "id" : "1" } `: `{"type":"read" , "id" : "1" } `,
	} {
		rest, n := cutNumber([]byte(in))
		if n != 3 || string(rest) != want {
			t.Errorf("%s: %d, %s", in, n, rest)
		}
	}
	for _, in := range []string{`{}`, `{"frame":"3"}`, `{"frame":3.5}`, `{"frame":-3}`, `[1]`, `{"fram\u0065":3}`, ``, `{"a":1`} {
		if rest, n := cutNumber([]byte(in)); n != 0 || string(rest) != in {
			t.Errorf("%s: %d, %s", in, n, rest)
		}
	}
}

func FuzzCutNumber(f *testing.F) {
	for _, s := range []string{`{"frame":3,"type":"read"}`, `{"a":{"frame":1},"frame":2,"b":3}`, `{"frame":1}`, `{`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		rest, n := cutNumber(in)
		var members map[string]json.RawMessage
		if n == 0 || strictjson.Check(in) != nil || json.Unmarshal(in, &members) != nil {
			return
		}
		delete(members, "frame")
		var left map[string]json.RawMessage
		if err := json.Unmarshal(rest, &left); err != nil || strictjson.Check(rest) != nil {
			t.Fatalf("%s of %s: %v", rest, in, err)
		}
		if len(left) != len(members) {
			t.Fatalf("%s of %s", rest, in)
		}
	})
}

// What is appended by hand is what encoding/json makes of the same frame.
func TestAppend(t *testing.T) {
	now := time.Now()
	texts := []string{"", "plain", "quo\"te", "back\\slash", "new\nline", "<&>", "é", "\u2028", "bad\xff", strings.Repeat("x", 200)}
	for i, text := range texts {
		m := &message.Message{
			ID: "m" + text, To: "worker", From: message.Sender{Agent: text, Principal: "p" + text, Node: "n"}, Type: text, Conversation: text,
			RequestID: text, TraceParent: text, Key: text, Sealed: i%2 == 0, Body: json.RawMessage(`{"a":1}`), Deadline: now.Add(time.Second),
		}
		if i%3 == 1 {
			m.Stored = &message.Stored{Seq: 7, Attempt: i, AcceptedAt: time.Unix(int64(i), 5e8).UTC(), ExpiresAt: time.Unix(9, 0).UTC()}
			if i > 4 {
				m.Body, m.Stored.Size = nil, 1<<21
			}
		}
		d := &message.Delivery{Message: m, WantReply: i%2 == 1}
		want := outbound{
			Type: "receive", ID: "12", Frame: uint64(i), MessageID: m.ID, From: &m.From, To: m.To, MessageType: m.Type, Conversation: m.Conversation,
			RequestID: m.RequestID, TraceParent: m.TraceParent, Sealed: m.Sealed, Key: m.Key, Body: m.Body, Wait: d.WantReply,
		}
		if d.WantReply {
			want.DeadlineMs = 1000
		}
		if s := m.Stored; s != nil {
			want.Durable, want.Seq, want.Attempt, want.AcceptedAt, want.ExpiresAt, want.Size = true, s.Seq, s.Attempt, s.AcceptedAt, s.ExpiresAt, s.Size
		}
		same(t, appendReceive(nil, 12, uint64(i), d, now, new(tails)), want)
		same(t, appendAck(nil, "i"+text, text, message.Unknown), outbound{Type: "ack", ID: "i" + text, MessageID: text, Status: message.Unknown})
		same(t, appendReply(nil, "i", text, m.Body), outbound{Type: "reply", ID: "i", MessageID: text, Status: message.Delivered, Body: m.Body})
		same(t, appendAcks(nil, []string{"a", "i" + text}, i%2 == 0), outbound{Type: "ack", IDs: []string{"a", "i" + text}, Status: message.Delivered})
	}
}

// Ids that are consecutive numbers are told by the first and the last; all others
// as they are.
func TestAcksInRanges(t *testing.T) {
	for _, c := range []struct {
		ids    string
		left   []string
		ranges [][2]uint64
	}{
		{ids: "1", left: []string{"1"}},
		{ids: "1 2", ranges: [][2]uint64{{1, 2}}},
		{ids: "1 2 3 5 7 8", left: []string{"5"}, ranges: [][2]uint64{{1, 3}, {7, 8}}},
		{ids: "9 10 11 a 12 13", left: []string{"a"}, ranges: [][2]uint64{{9, 11}, {12, 13}}},
		{ids: "01 02 3 2 1", left: []string{"01", "02", "3", "2", "1"}},
		{ids: "0 1", ranges: [][2]uint64{{0, 1}}},
		{ids: "9007199254740990 9007199254740991 9007199254740992 9007199254740993", left: []string{"9007199254740992", "9007199254740993"}, ranges: [][2]uint64{{9007199254740990, 9007199254740991}}},
	} {
		same(t, appendAcks(nil, strings.Fields(c.ids), true), outbound{Type: "ack", IDs: c.left, Ranges: c.ranges, Status: message.Delivered})
		same(t, appendAcks(nil, strings.Fields(c.ids), false), outbound{Type: "ack", IDs: strings.Fields(c.ids), Status: message.Delivered})
	}
}

func same(t *testing.T, got []byte, want outbound) {
	t.Helper()
	text, err := want.encode()
	if err != nil || string(got) != string(text) {
		t.Errorf("%s\n%s %v", got, text, err)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\"", "\\", "\x00", "é", "\xff", "\u2029", "<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := outbound{Type: s}
		text, err := want.encode()
		if got := append(appendString([]byte(`{"type":`), s), '}'); err != nil || string(got) != string(text) {
			t.Fatalf("%s, want %s, %v", got, text, err)
		}
	})
}

func TestTailsAreSharedAndRight(t *testing.T) {
	var c tails
	a := &message.Message{ID: "m1", To: "topic/a", Body: json.RawMessage(`1`)}
	b := &message.Message{ID: "m1", To: "topic/a", Body: json.RawMessage(`2`)}
	first := c.of(a)
	if again := c.of(a); &first[0] != &again[0] {
		t.Error("it was encoded twice")
	}
	for _, m := range []*message.Message{a, b, a, b} {
		if got := string(c.of(m)); got != string(appendTail(nil, m)) {
			t.Errorf("%s of %+v", got, m)
		}
	}
}
