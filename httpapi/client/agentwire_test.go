package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// What is written is what another implementation of RFC 6455 reads, each frame
// in a message of its own or many in an array.
func TestFramesAreWebSocketMessages(t *testing.T) {
	for _, most := range []int{0, 1, 3, 1024} {
		w := frameWriter{most: most}
		var want []string
		for i, size := range []int{0, 1, 90, 125, 126, 127, 9, 40000, 8, 16000, 16000, 16000, 65535, 65536, 7, 1 << 20, 1, 2} {
			text := `{"body":"` + strings.Repeat("x", size) + `"}`
			w.add([]byte(text), uint64(i))
			if i > 0 {
				text = fmt.Sprintf(`{"frame":%d,%s`, i, text[1:])
			}
			want = append(want, text)
		}
		w.seal()
		messages, got := 0, []string{}
		for text := range written(t, w.b) {
			messages++
			before := len(got)
			eachFrame(text, func(frame []byte) { got = append(got, string(frame)) })
			if n := len(got) - before; !json.Valid(text) || n > max(most, 1) || n > 1 && len(text) > maxTogether+maxTogether/2+100 {
				t.Errorf("%d frames in %d bytes", n, len(text))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%d frames, want %d", len(got), len(want))
		}
		if most > 3 && messages > len(want)*2/3 {
			t.Errorf("%d messages for %d frames", messages, len(want))
		}
	}
}

// written sends bytes to a WebSocket and yields the messages that it reads.
func written(t *testing.T, wire []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		got := make(chan []byte)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(got)
			ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
			if err != nil {
				return
			}
			defer ws.Close()
			for {
				_, text, err := ws.ReadMessage()
				if err != nil {
					return
				}
				got <- text
			}
		}))
		defer server.Close()
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(server.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _ = ws.NetConn().Write(wire)
			_ = ws.Close()
		}()
		for text := range got {
			if !yield(text) {
				t.Fatal("not all was read")
			}
		}
	}
}

func FuzzEachFrame(f *testing.F) {
	for _, s := range []string{`[{"a":[1,"]"]},{"b":2}]`, `[ {} , {} ]`, `{}`, `[`, `[{}`, `[{},`, `[]`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got []string
		eachFrame(data, func(frame []byte) { got = append(got, string(frame)) })
		var want []json.RawMessage
		if len(data) == 0 || data[0] != '[' || json.Unmarshal(data, &want) != nil {
			return // it comes from no node; it only must not crash
		}
		if len(got) != len(want) {
			t.Fatalf("%d frames, want %d", len(got), len(want))
		}
		for i := range want {
			if got[i] != string(want[i]) {
				t.Fatalf("%q, want %q", got[i], want[i])
			}
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{
		`{"type":"receive","id":"1","from":{"agent":"a","principal":"p","node":"n"},"body":{"a":[1,"}"]},"durable":true,"seq":7}`,
		`{"type":"ack","ids":["1","2" , "3"],"status":"delivered"}`, `{"type":"error","details":{"retry_after":"1s"},"code":"X","error":"é\n"}`,
		`{"type":"ack","ids":["`, `{"type":"ack","ids":["\"]}`, `{"":`, `{"type":"hello","limits":{"sends":4096}} `, `[]`, ``, `{"type":"ack","ranges":[[1,3],[5,9]]}`, `{"type":"ack","ranges":[[1],2]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readFrame(bytes.Clone(data))
		if err != nil || !json.Valid(data) {
			return // what is no JSON comes from no node; it only must not crash
		}
		var want struct {
			Type string            `json:"type"`
			IDs  []json.RawMessage `json:"ids"`
		}
		if json.Unmarshal(data, &want) == nil && want.Type != got.Type && !bytes.Contains(data, []byte(`\`)) && strings.Count(strings.ToLower(string(data)), `"type"`) == 1 {
			t.Fatalf("the type is %q, not %q", got.Type, want.Type)
		}
	})
}

// An inbox's message that comes again is not done again.
func TestInboxRemembers(t *testing.T) {
	a := &Agent{session: &agentSession{secret: "s"}, cfg: AgentConfig{Name: "a", Credit: 4}}
	come := func(frame string, seq uint64) *Message {
		return &Message{Durable: true, Seq: seq, agent: a, session: a.session, frame: frame}
	}
	first := come("1", 7)
	if !a.fresh(first) || a.fresh(come("2", 7)) {
		t.Fatal("in work, and handed out again")
	}
	if err := first.Ack(); err != nil || first.Ack() == nil {
		t.Fatal(err)
	}
	if len(a.acks) != 1 || a.acks[0] != "2" {
		t.Fatalf("acknowledged %v, not the frame that came last", a.acks)
	}
	if a.fresh(come("3", 7)) || len(a.acks) != 2 {
		t.Fatal("done, and handed out again")
	}
	second := come("4", 8)
	if !a.fresh(second) || second.Return(time.Second, "not now") != nil || !a.fresh(come("5", 8)) {
		t.Fatal("what was returned comes again")
	}
	for seq := uint64(100); seq < 100+2*remembered; seq++ {
		m := come("x", seq)
		if !a.fresh(m) || m.Ack() != nil {
			t.Fatal(seq)
		}
	}
	if len(a.inbox.done) != remembered || len(a.inbox.ring) != remembered {
		t.Fatalf("%d and %d are remembered", len(a.inbox.done), len(a.inbox.ring))
	}
}

// A node that confirms while frames are written again is not told of a gap.
func TestConfirmedWhileWrittenAgain(t *testing.T) {
	s := &agentSession{secret: "s"}
	for range 10 {
		s.keep([]byte(`{}`))
	}
	s.again = 10
	s.again -= 6 // 1 to 6 are written again
	if !s.confirmed(4) || s.again != 4 || s.kept[len(s.kept)-s.again].number != 7 {
		t.Fatalf("%d are left to be written", s.again)
	}
	if !s.confirmed(9) || s.again != 1 || !s.confirmed(10) || s.again != 0 {
		t.Fatal(s.again)
	}
	s.keep([]byte(`{}`))
	s.keep(bytes.Repeat([]byte("x"), maxKept+1))
	if s.confirmed(10) {
		t.Fatal("a frame is gone, and nobody says so")
	}
}
