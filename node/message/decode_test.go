package message

import (
	"context"
	"encoding/json"
	"reflect"
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
		if c.in == "a/b" && !strings.Contains(err.Error(), "topic/a/b") {
			t.Errorf("%q: %v does not say how topics are addressed", c.in, err)
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

// pair is a strand of router "b" to node "a" without a connection: what it
// would write is taken with Next.
func pair(t testing.TB, receive func(*Delivery) error) (*Router, *Strand) {
	r := New(Config{NodeID: "b", Directory: nowhere{}, Link: nowhere{}})
	t.Cleanup(r.Close)
	s, err := r.Attach(context.Background(), "worker", "k", Profile{Durable: true}, ReceiverFunc(receive))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Subscribe(context.Background(), "news/>"); err != nil {
		t.Fatal(err)
	}
	return r, r.Connected("a", func() {}, func() {})
}

func someMessages() []byte {
	now := time.Now()
	m := Message{
		ID: "1", To: "worker", From: Sender{Agent: "x", Principal: "k"}, Body: json.RawMessage(`{"a":1}`), Deadline: now.Add(time.Minute),
		Type: "T", Conversation: "c", Key: "sha256:1", Sealed: true, Sticky: true, Priority: 3, RequestID: "r",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	b := appendMessage(nil, 1, &m, envelope{agent: "worker", wait: true}, now)
	b = appendMessage(b, 2, &m, envelope{agent: "worker", all: true}, now)
	b = appendMessage(b, 3, &m, envelope{agent: "nobody"}, now)
	m.To = "topic/news/x"
	b = appendMessage(b, 4, &m, envelope{}, now)
	m.From.Node, m.Stored, m.Body = "origin", &Stored{Inbox: "worker", Seq: 7, Attempt: 2, AcceptedAt: now, ExpiresAt: now, Size: 9}, nil
	return appendMessage(b, 5, &m, envelope{agent: "worker"}, now)
}

func someOutcomes() []byte {
	b := appendOutcome(nil, 1, outcome{Status: Delivered})
	b = appendOutcome(b, 2, outcome{Status: Delivered, Reply: []byte(`{}`)})
	b = appendOutcome(b, 3, outcome{Status: Refused, Refusal: &consensus.Refusal{Code: "X", Sentence: "no", Details: map[string]string{"a": "b"}}})
	return appendOutcome(b, 1<<40, outcome{Status: Unknown, Counts: &Counts{1, 2, 3}})
}

// Whatever another node sends, each message of it is answered once and, if it
// reaches an agent, is one a client could have sent.
func FuzzArrived(f *testing.F) {
	f.Add(someMessages())
	f.Add(someOutcomes())
	f.Add([]byte{recordInterest, 7, 1, 0, 2, 1, 2, 'a', '/', 'b'})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, s := pair(t, func(d *Delivery) error {
			m := *d.Message
			m.Checked = false
			if m.Stored == nil && (m.From.Node != "a" || m.Body == nil) || m.check() != nil {
				t.Errorf("delivered %+v", m)
			}
			d.Delivered()
			if d.WantReply {
				return d.Reply(m.Body)
			}
			return nil
		})
		asked := 0
		for rest := data; len(rest) > 0; {
			one, next, err := nextRecord(rest)
			if err != nil {
				break
			}
			if rest = next; one.kind == recordMessage || one.kind == recordInterest {
				asked++
			}
		}
		_ = s.Arrived(data)
		answers := 0
		for batch := s.Next(); batch != nil; batch = s.Next() {
			for len(batch) > 0 {
				one, rest, err := nextRecord(batch)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := one.outcome(); err != nil {
					t.Fatalf("answered with %+v: %v", one, err)
				}
				answers++
				batch = rest
			}
		}
		if answers != asked || s.in != 0 || r.inflight.Load() != 0 {
			t.Errorf("%d answers to %d, %d left", answers, asked, s.in)
		}
		s.Ended()
	})
}

// An outcome that is taken can be told on, and is the same then.
func FuzzOutcome(f *testing.F) {
	f.Add(someOutcomes())
	f.Fuzz(func(t *testing.T, data []byte) {
		for len(data) > 0 {
			r, rest, err := nextRecord(data)
			if err != nil {
				return
			}
			data = rest
			if r.kind != recordOutcome {
				continue
			}
			o, err := r.outcome()
			if err != nil {
				continue
			}
			if o.Reply != nil && !json.Valid(o.Reply) {
				t.Fatalf("%+v", o)
			}
			again, rest, err := nextRecord(appendOutcome(nil, r.number, o))
			if err != nil || len(rest) > 0 || again.number != r.number {
				t.Fatalf("%+v came back as %+v, %v", r, again, err)
			}
			if back, err := again.outcome(); err != nil || back.Status != o.Status || string(back.Reply) != string(o.Reply) {
				t.Fatalf("%+v came back as %+v, %v", o, back, err)
			}
		}
	})
}

// Each field survives the crossing.
func TestAMessageCrossesWhole(t *testing.T) {
	var got []*Message
	_, s := pair(t, func(d *Delivery) error { got = append(got, d.Message); d.Delivered(); return nil })
	now := time.Now()
	m := &Message{
		ID: "1", To: "worker@b", From: Sender{Agent: "x", Principal: "k"}, Body: json.RawMessage(`{"age":"YWdlLWVuY3J5cHRpb24ub3JnL3YxCg=="}`), Deadline: now.Add(time.Minute),
		Type: "T", Conversation: "c", Key: "sha256:1", Sealed: true, Sticky: true, Priority: 3, RequestID: "r",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	stored := *m
	stored.From.Node = "origin"
	stored.Stored = &Stored{Inbox: "worker", Seq: 7, Attempt: 2, AcceptedAt: now.UTC(), ExpiresAt: now.UTC().Add(time.Hour), Size: 9}
	stored.Body = nil
	for i, m := range []*Message{m, &stored} {
		frame := appendMessage(nil, uint64(i), m, envelope{agent: "worker"}, now)
		want := *m
		want.Checked = true
		if m.Stored == nil {
			want.From.Node = "a"
		}
		if err := s.Arrived(frame); err != nil || len(got) != i+1 {
			t.Fatal(err, len(got))
		}
		have := *got[i]
		if d := have.Deadline.Sub(want.Deadline); d < -time.Second || d > time.Second {
			t.Fatal(d)
		}
		have.Deadline, want.Deadline = time.Time{}, time.Time{}
		if m.Stored != nil {
			if !have.Stored.AcceptedAt.Equal(want.Stored.AcceptedAt) || !have.Stored.ExpiresAt.Equal(want.Stored.ExpiresAt) {
				t.Fatal(have.Stored)
			}
			have.Stored.AcceptedAt, have.Stored.ExpiresAt = want.Stored.AcceptedAt, want.Stored.ExpiresAt
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%+v\n%+v", have, want)
		}
	}
}

// A frame that breaks the format ends the connection, and is not read on.
func TestMalformedFrames(t *testing.T) {
	for _, bad := range [][]byte{
		{0}, {9, 1, 1}, {recordMessage}, {recordMessage, 5, 1}, {recordMessage, 2, 1, 0}, {recordDelivered}, {recordDelivered, 0x80},
		{recordMessage, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, {recordOutcome, 0},
		{recordMessage, 6, 1, 0, 0, 1, 9, 0},
	} {
		_, s := pair(t, func(*Delivery) error { t.Error("delivered"); return nil })
		if err := s.Arrived(bad); err == nil {
			t.Errorf("%x was taken", bad)
		}
	}
}
