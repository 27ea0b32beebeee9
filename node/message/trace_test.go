package message

import (
	"context"
	"slices"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/tracing"
)

const (
	traceAsked   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceUnasked = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

// A message that is traced leaves a span for each part of its way, and its
// receiver hears of the last of them; one that is not is handed on as it came.
func TestTheWayOfAMessageIsTraced(t *testing.T) {
	m := newMesh(t, "a", "b")
	for _, r := range m.routers {
		r.cfg.Tracer = tracing.New(0)
	}
	got := make(chan Message, 1)
	m.attach(t, "b", "adder", ReceiverFunc(func(d *Delivery) error {
		got <- *d.Message
		d.Sent()
		return d.Reply(text("sum"))
	}))
	m.attach(t, "b", "mute", ReceiverFunc(func(*Delivery) error { return consensus.Refuse(CodeOverloaded, "not now") }))
	send := func(to, parent string) error {
		_, err := m.routers["a"].Send(context.Background(), Message{To: to, Body: text("x"), TraceParent: parent, From: Sender{Principal: "p"}}, true)
		return err
	}
	c, _ := tracing.Parse(traceAsked)
	spans := func(node string) []tracing.Record { return m.routers[node].cfg.Tracer.Trace(c.Trace, 10) }

	if err := send("adder", traceUnasked); err != nil {
		t.Fatal(err)
	}
	if heard := (<-got).TraceParent; heard != traceUnasked || len(spans("a"))+len(spans("b")) != 0 {
		t.Fatalf("nobody asked for spans: %v %v, and the receiver heard %q", spans("a"), spans("b"), heard)
	}
	if err := send("adder", traceAsked); err != nil {
		t.Fatal(err)
	}
	here, there := spans("a"), spans("b")
	if len(here) != 2 || here[0].Name != "send" || here[1].Name != "link" || len(there) != 1 || there[0].Name != "deliver" {
		t.Fatalf("at the sender's node %+v, at the receiver's %+v", here, there)
	}
	if here[0].Parent != c.Span || here[1].Parent != here[0].Span || there[0].Parent != here[1].Span {
		t.Errorf("they do not hang together: %+v %+v", here, there)
	}
	if heard, err := tracing.Parse((<-got).TraceParent); err != nil || heard.Span != there[0].Span {
		t.Errorf("the receiver heard of another span: %v %v", heard, err)
	}

	// What is refused ends its spans too, with its code.
	if code(send("mute", traceAsked)) != CodeOverloaded {
		t.Fatal("it was taken")
	}
	all := slices.Concat(spans("a")[2:], spans("b")[1:])
	if len(all) != 3 {
		t.Fatalf("%+v", all)
	}
	for _, s := range all {
		if s.Code != CodeOverloaded {
			t.Errorf("%+v", s)
		}
	}
}
