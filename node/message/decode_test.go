package message

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

func TestParseAddress(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Address
		code string
	}{
		{"a", Address{Agent: "a"}, ""},
		{"a.b-c_9", Address{Agent: "a.b-c_9"}, ""},
		{"topic", Address{Agent: "topic"}, ""},
		{"a@n1", Address{Agent: "a", Node: "n1"}, ""},
		{"a@ABCD-EFGH", Address{Agent: "a", Node: "ABCD-EFGH"}, ""},
		{"a@host.local", Address{Agent: "a", Node: "host.local"}, ""},
		{"a@*", Address{Agent: "a", All: true}, ""},
		{"topic/x/Y.z", Address{Topic: "x/Y.z"}, ""},
		{"topic/", Address{}, CodeInvalid},
		{"topic/x//y", Address{}, CodeInvalid},
		{"topic/x/*", Address{}, CodeInvalid},
		{"topic/>", Address{}, CodeInvalid},
		{"topic/" + strings.Repeat("a/", 16) + "a", Address{}, CodeInvalid},
		{"topic/" + strings.Repeat("a", 65), Address{}, CodeInvalid},
		{"", Address{}, CodeInvalid},
		{"@n1", Address{}, CodeInvalid},
		{"a@", Address{}, CodeInvalid},
		{"a@b@c", Address{}, CodeInvalid},
		{"a@n*", Address{}, CodeInvalid},
		{"A", Address{}, CodeInvalid},
		{"-a", Address{}, CodeInvalid},
		{"ä", Address{}, CodeInvalid},
		{"a/b", Address{}, CodeInvalid},
		{"send", Address{}, CodeInvalid},
		{"ack@n1", Address{}, CodeInvalid},
		{strings.Repeat("a", 63), Address{Agent: strings.Repeat("a", 63)}, ""},
		{strings.Repeat("a", 64), Address{}, CodeInvalid},
		{"a@" + strings.Repeat("n", 400), Address{}, CodeInvalid},
	} {
		got, err := ParseAddress(c.in)
		if got != c.want || code(err) != c.code {
			t.Errorf("%q: %+v, %v", c.in, got, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"a", "a@n", "a@*", "topic/x", "send", "a@b@c", "ß"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			if code(err) != CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		if a.String() != s {
			t.Fatalf("%q came back as %q", s, a.String())
		}
	})
}

// A frame from another node, whatever is in it, is answered once and, if it
// reaches an agent, is a message a client could have sent.
func FuzzHandleFrame(f *testing.F) {
	m := Message{ID: "1", To: "worker", From: Sender{Agent: "x", Principal: "k"}, Body: json.RawMessage(`{"a":1}`), Deadline: time.Now().Add(time.Minute)}
	f.Add(encodeFrame(m, "worker", false, true, time.Now()))
	f.Add(encodeFrame(m, "worker", true, false, time.Now()))
	f.Add(encodeFrame(m, "nobody", false, false, time.Now()))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := New(Config{NodeID: "b", Directory: nowhere{}, Link: nowhere{}})
		defer r.Close()
		_, err := r.Attach(context.Background(), "worker", "k", Profile{}, ReceiverFunc(func(d *Delivery) error {
			if d.Message.From.Node != "a" || d.Message.check() != nil || d.Message.Body == nil {
				t.Errorf("delivered %+v", d.Message)
			}
			d.Delivered()
			if d.WantReply {
				return d.Reply(d.Message.Body)
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		answers := 0
		r.HandleFrame("a", data, func(b []byte, err error) {
			answers++
			if _, derr := decodeOutcome(b); derr != nil || err != nil {
				t.Errorf("answered with %x: %v, %v", b, derr, err)
			}
		})
		if answers != 1 {
			t.Errorf("%d answers", answers)
		}
	})
}

func FuzzDecodeOutcome(f *testing.F) {
	f.Add(consensus.Encode(outcome{Status: Delivered, Reply: []byte(`{}`)}))
	f.Add(consensus.Encode(outcome{Status: Refused, Refusal: &consensus.Refusal{Code: "X", Sentence: "no"}}))
	f.Add(consensus.Encode(outcome{Status: Unknown, Counts: &Counts{1, 2, 3}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := decodeOutcome(data)
		if err == nil && o.Reply != nil && !json.Valid(o.Reply) {
			t.Fatalf("%+v", o)
		}
	})
}
