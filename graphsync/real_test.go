package graphsync

import (
	"bytes"
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

type noPeers struct{}

func (noPeers) Call(context.Context, string, string, []byte) ([]byte, error) {
	return nil, errors.New("there are no others")
}

// The part on the real state: log, coalescing, bbolt, snapshots of its tables,
// and the same graph after a restart.
func TestOnConsensus(t *testing.T) {
	dir := t.TempDir()
	if err := consensus.Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	open := func() *consensus.Group {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g, err := consensus.Open(consensus.Config{Dir: dir, Parts: []consensus.Part{NewPart()}, Listener: l, Peers: noPeers{},
			Dial: func(context.Context, string) (net.Conn, error) { return nil, errors.New("there are no others") }})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	g := open()
	s := NewService(g)
	start := time.Now()
	rep, err := Import(bg, s, bytes.NewReader(lines(5000, 20_000)), ImportOptions{Namespace: "s"})
	if err != nil || rep.Created != 25_000 {
		t.Fatal(rep, err)
	}
	t.Logf("25,000 records through the log in %v", time.Since(start))
	wo := WriteOptions{Author: "alice", Idempotency: &consensus.IdempotencyKey{Scope: "x", Key: "1"}}
	first, out, err := s.CreateNode(bg, wo, NewNode{SessionID: "s", NodeType: "n", Label: "once"})
	if err != nil || out.Replayed {
		t.Fatal(out, err)
	}
	again, out, err := s.CreateNode(bg, wo, NewNode{SessionID: "s", NodeType: "n", Label: "once"})
	if err != nil || !out.Replayed || again.ID != first.ID || !again.CreatedAt.Equal(first.CreatedAt) {
		t.Fatalf("%+v %+v %v, first %+v", again, out, err, first)
	}
	hash, err := s.LogicalHash(bg, stale, "s")
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = open()
	defer g.Close()
	s = NewService(g)
	// A linearizable read has the whole log applied.
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	for {
		_, _, err := s.GetNode(ctx, consensus.ReadOptions{Consistency: consensus.Linearizable}, "s", first.ID)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.LogicalHash(bg, stale, "s"); err != nil || got != hash {
		t.Fatalf("%s after a restart, %s before: %v", got, hash, err)
	}
}
