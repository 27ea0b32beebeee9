package httpapi

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

// watchEvent is an event frame.
type watchEvent struct {
	Type, ID, Event, At string
	Data                map[string]any
}

func (p *socketPeer) event() (f watchEvent) {
	p.t.Helper()
	_, data, err := p.ReadMessage()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(data, &f); err != nil || f.Type != "event" {
		p.t.Fatalf("%s %v", data, err)
	}
	return f
}

func (p *socketPeer) change(id, operation string) watchEvent {
	p.t.Helper()
	f := p.event()
	if f.ID != id || f.Event != "change" || f.Data["operation"] != operation {
		p.t.Fatalf("%+v, want %s of %s", f, operation, id)
	}
	return f
}

func watchable(c *Config) { c.Watches = c.Graph.(*graphsync.Service) }

func TestAWebSocketWatches(t *testing.T) {
	dial := dialer(t, watchable)
	p, writer := dial("/ws", userKey), dial("/ws", userKey)
	if begun := p.ask("result", `{"type":"watch","id":"w\"1","session_id":"s"}`); begun.ID != `w"1` || begun.Revision != 0 {
		t.Fatalf("%+v", begun)
	}
	if f := p.event(); f.Event != "bookmark" || f.At != "0" {
		t.Fatalf("%+v", f)
	}
	writer.ask("result", `{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"one","key":"k"},{"op":"create_node","type":"doc","label":"two"}]}`)
	one, two := p.change(`w"1`, "create"), p.change(`w"1`, "create")
	if one.At != "1-0" || two.At != "1" || one.Data["data"].(map[string]any)["label"] != "one" {
		t.Fatalf("%+v %+v", one, two)
	}
	if f := p.ask("error", `{"type":"watch","id":"w\"1"}`); f.Details["field"] != "id" {
		t.Errorf("%+v", f)
	}
	// Another on the same connection, from the middle of a revision.
	p.ask("result", `{"type":"watch","id":"2","since":"1-0","keys":["K"],"nodes":[2],"session_id":"s","include":"ids"}`)
	if f := p.event(); f.Event != "bookmark" || f.At != "1-0" {
		t.Fatalf("%+v", f)
	}
	if f := p.change("2", "create"); f.Data["entity_id"] != 2.0 || f.Data["data"] != nil {
		t.Errorf("%+v", f)
	}
	if f := p.ask("result", `{"type":"unwatch","id":"3","watch":"w\"1"}`); f.ID != "3" {
		t.Errorf("%+v", f)
	}
	writer.ask("result", `{"type":"write","id":"2","session_id":"s","ops":[{"op":"delete_node","key":"k"}]}`)
	p.change("2", "delete")
	if f := p.ask("error", `{"type":"unwatch","id":"4","watch":"w\"1"}`); f.Code != CodeNotFound {
		t.Errorf("%+v", f)
	}
	for frame, field := range map[string]string{
		`{"type":"watch","id":"5","since":"soon"}`:      "since",
		`{"type":"watch","id":"5","include":"some"}`:    "include",
		`{"type":"watch","id":"5","kinds":["person"]}`:  "kinds",
		`{"type":"watch","since":"1"}`:                  "id",
		`{"type":"watch","id":"5","since":"now","x":1}`: "x",
		`{"type":"unwatch","watch":"2"}`:                "id",
	} {
		if f := p.ask("error", "%s", frame); f.Code != CodeInvalid || f.Details["field"] != field {
			t.Errorf("%s: %+v", frame, f)
		}
		p.ask("pong", `{"type":"ping"}`)
	}
}

// A client that does not read holds up its own streams, and no other frame of
// the node or writer.
func TestAWebSocketsWatchesAreBounded(t *testing.T) {
	p := dialer(t, watchable)("/ws", userKey)
	for i := range 64 {
		p.ask("result", `{"type":"watch","id":"%d","session_id":"s","include":"ids"}`, i)
		p.event()
	}
	if f := p.ask("error", `{"type":"watch","id":"more"}`); f.Code != CodeOverloaded {
		t.Fatalf("%+v", f)
	}
	p.write(`{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":"one"},{"op":"create_node","type":"doc","label":"two"},{"op":"create_node","type":"doc","label":"3"},{"op":"create_node","type":"doc","label":"4"},{"op":"create_node","type":"doc","label":"5"}]}`)
	seen := map[string]int{}
	for range 64*5 + 1 {
		_, data, err := p.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var f watchEvent
		if err := json.Unmarshal(data, &f); err != nil {
			t.Fatal(err)
		}
		seen[f.Type+f.ID]++
	}
	for i, n := range seen {
		if n != 5 && i != "result1" {
			t.Errorf("%s: %d", i, n)
		}
	}
}

func TestAWebSocketsWatchEndsWithTheKey(t *testing.T) {
	gone := &atomic.Bool{}
	var api *graphsync.Service
	dial := dialer(t, watchable, func(c *Config) { c.Auth, api = withdrawable{gone}, c.Graph.(*graphsync.Service) })
	p := dial("/ws", "key")
	p.ask("result", `{"type":"watch","id":"1"}`)
	p.event()
	gone.Store(true)
	if _, _, err := api.CreateNode(t.Context(), graphsync.WriteOptions{}, graphsync.NewNode{SessionID: "s", NodeType: "a", Label: "b"}); err != nil {
		t.Fatal(err)
	}
	if f := p.event(); f.Event != "cut" || f.Data["code"] != CodeUnauthorized || f.At != "0" {
		t.Errorf("%+v", f)
	}
}

func FuzzSocketWatch(f *testing.F) {
	f.Add([]byte(`{"type":"watch","id":"1","since":"1-2","kinds":["node"],"nodes":[1],"keys":["k"],"include":"before"}`))
	f.Add([]byte(`{"type":"watch","id":"1","since":"2030-01-02T15:04:05Z"}`))
	f.Add([]byte(`{"type":"watch","id":"1","since":"AQAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAA"}`))
	f.Add([]byte(`{"type":"unwatch","id":"1","watch":"2"}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		s := &socketFrames{api: &API{cfg: Config{Sync: graphsync.Sync{}}}}
		if w, err := decodeWatch(s, frame); err == nil && (w.ID == "" || w.Type != "watch") {
			t.Errorf("%s", frame)
		}
		var known *Error
		if _, err := decodeUnwatch(s, frame); errors.As(err, &known) {
			t.Error(err)
		}
	})
}

// A watch that begins at a token of sync tells tokens, which a page of changes
// takes as well.
func TestAWebSocketWatchesFromAToken(t *testing.T) {
	var y graphsync.Sync
	dial := dialer(t, watchable, func(c *Config) { y = c.Graph.(*graphsync.Service).Sync("mesh-1"); c.Sync = y })
	p, writer := dial("/ws", userKey), dial("/ws", userKey)
	write := func(label string) {
		writer.ask("result", `{"type":"write","id":"1","session_id":"s","ops":[{"op":"create_node","type":"doc","label":%q}]}`, label)
	}
	write("one")
	write("two")
	f := graphsync.WatchFilter{Namespace: "s"}
	token, err := y.Token(f, graphsync.Position{Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	p.ask("result", `{"type":"watch","id":"w","session_id":"s","since":%q}`, token)
	if f := p.event(); f.Event != "bookmark" || f.At != token {
		t.Fatalf("%+v", f)
	}
	two := p.change("w", "create")
	if at, err := y.Position(f, two.At); err != nil || at.String() != "2" || two.Data["data"].(map[string]any)["label"] != "two" {
		t.Fatalf("%+v %v", two, err)
	}
	if f := p.ask("error", `{"type":"watch","id":"x","since":%q}`, token); f.Code != "OTHER_FILTER" || f.Details["field"] != "since" {
		t.Errorf("%+v", f)
	}
}
