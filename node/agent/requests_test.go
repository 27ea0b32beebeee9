package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// asks answers the frame type "ask". Requests named wait… answer when they are
// released; quick ones at once.
type asks struct {
	release map[string]chan struct{}
	mute    bool
}

type ask struct {
	Type, ID, Do string
	wait         chan struct{}
}

func (a *asks) Stay() error { return a.Permit() }

func (a *asks) Listen() error { return a.Permit() }
func (a *asks) Follow() error { return a.Permit() }

func (*asks) Told(err error) error { return err }

func (a *asks) Permit() error {
	if a.mute {
		return consensus.Refuse("FORBIDDEN", "not you")
	}
	return nil
}

func (a *asks) Begin(kind string, frame []byte) (string, Request, error) {
	if kind != "ask" {
		return "", nil, nil
	}
	var q ask
	if err := json.Unmarshal(frame, &q); err != nil || q.Type != kind {
		return q.ID, nil, badFrame("", "no ask")
	}
	q.wait = a.release[q.ID]
	return q.ID, &q, nil
}

func (q *ask) Waits() bool { return q.wait != nil || q.Do == "wait" }

func (q *ask) Answer(ctx context.Context) ([]byte, error) {
	if q.Do == "wait" && q.wait == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if q.wait != nil {
		<-q.wait
	}
	switch q.Do {
	case "panic":
		panic("no")
	case "refuse":
		return nil, consensus.Refuse("NOT_FOUND", "there is none")
	case "fail":
		return nil, errors.New("a secret reason")
	}
	return []byte(`{"type":"reply","id":"` + q.ID + `"}`), nil
}

func TestRequestsAreAnsweredInTheOrderOfTheirEnds(t *testing.T) {
	a := &asks{release: map[string]chan struct{}{"slow": make(chan struct{})}}
	n := newNode(t)
	n.requests = a
	p := n.dial(t, "")
	p.expect("hello")
	p.write(`{"type":"ask","id":"slow"}`)
	p.write(`{"type":"ask","id":"quick"}`)
	if f := p.expect("reply"); f.ID != "quick" {
		t.Fatalf("%+v", f)
	}
	close(a.release["slow"])
	if f := p.expect("reply"); f.ID != "slow" {
		t.Fatalf("%+v", f)
	}
	for do, want := range map[string]string{"refuse": "NOT_FOUND", "fail": "INTERNAL", "panic": "INTERNAL"} {
		p.write(`{"type":"ask","id":"x","do":"` + do + `"}`)
		if f := p.expect("error"); f.ID != "x" || f.Code != want || strings.Contains(f.Error, "secret") {
			t.Fatalf("%s: %+v", do, f)
		}
	}
	p.write(`{"type":"dance","id":"y"}`)
	if f := p.expect("error"); f.ID != "y" || f.Code != message.CodeInvalid {
		t.Fatalf("%+v", f)
	}
	a.mute = true
	p.write(`{"type":"send","id":"z","to":"anyone","body":1}`)
	if f := p.expect("error"); f.ID != "z" || f.Code != "FORBIDDEN" {
		t.Fatalf("%+v", f)
	}
}

func TestRequestsOfOneConnectionAreBounded(t *testing.T) {
	n := newNode(t)
	n.requests = &asks{}
	p := n.dial(t, "")
	p.expect("hello")
	for i := range maxRequests + 3 {
		p.write(fmt.Sprintf(`{"type":"ask","id":"%d","do":"wait"}`, i))
	}
	for range 3 {
		if f := p.expect("error"); f.Code != message.CodeOverloaded {
			t.Fatalf("%+v", f)
		}
	}
	// Closing ends what waits, and the count returns to zero.
	_ = p.Close()
	if err := <-n.ended; err != nil {
		t.Fatal(err)
	}
	if c, b := n.server.load.count.Load(), n.server.load.bytes.Load(); c != 0 || b != 0 {
		t.Fatalf("%d requests, %d bytes", c, b)
	}
}

func TestTheNodesBoundOfRequestsHolds(t *testing.T) {
	var l load
	for range maxAllRequests {
		if !l.take(1) {
			t.Fatal("refused below the bound")
		}
	}
	if l.take(1) {
		t.Fatal("taken above the bound")
	}
	l.give(1)
	if l.take(maxRequestBytes) {
		t.Fatal("taken above the bound of bytes")
	}
	if !l.take(1) {
		t.Fatal("a refusal was counted")
	}
}

func TestManyAnswersComeWhole(t *testing.T) {
	n := newNode(t)
	n.requests = &asks{}
	p := n.dial(t, "")
	p.expect("hello")
	const count = 2000
	go func() {
		for i := range count {
			_ = p.WriteMessage(websocket.TextMessage, []byte(fmt.Sprintf(`{"id":"%d","type":"ask"}`, i)))
		}
	}()
	for i := range count {
		if f := p.expect("reply"); f.ID != fmt.Sprint(i) {
			t.Fatalf("answer %d is %+v", i, f)
		}
	}
}

func FuzzPeekType(f *testing.F) {
	for _, s := range []string{
		`{"type":"write","id":"1"}`, ` { "id" : "a\"b" , "ops":[{"type":"x"},"]}"] , "type" : "read" }`,
		`{"a":1,"type":"x"}`, `{"a":-1e5}`, `{"a":{"type":"no"},"type":"yes"}`, `{"type":1}`, `[]`, `{`, `{"a"`, `{"a":"`, `{"a":"\`, `{"":tru,"type":"x"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		got := peekType(frame)
		var first struct {
			Type *string `json:"type"`
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(frame, &members) != nil {
			return // the decoder refuses it
		}
		if _, ok := members["type"]; !ok && got != "" {
			t.Fatalf("%q of a frame without a type: %s", got, frame)
		}
		if json.Unmarshal(frame, &first) == nil && first.Type != nil && len(members) == strings.Count(string(frame), ":") &&
			!strings.ContainsAny(string(frame), `\`) && plainUTF8(*first.Type) && exactly(members) && got != *first.Type {
			t.Fatalf("%q, want %q: %s", got, *first.Type, frame)
		}
	})
}

func plainUTF8(s string) bool { return !strings.ContainsRune(s, '\uFFFD') }

// exactly leaves out frames with names that encoding/json takes for "type".
func exactly(members map[string]json.RawMessage) bool {
	for name := range members {
		if name != "type" && strings.EqualFold(name, "type") {
			return false
		}
	}
	return true
}
