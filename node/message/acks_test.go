package message

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/consensus"
)

// What an agent has acknowledged to a node that dies before it has told anybody is
// known where the agent is, and told from there: when the connection breaks, when
// the node is given up, and of what is acknowledged after that.
func TestAcknowledgementsToANodeThatDiesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t, "a", "b")
		var told []uint64
		m.routers["b"].cfg.Orphaned = func(list []Ack) {
			for _, one := range list {
				if one.Inbox != "worker" {
					t.Errorf("%+v", one)
				}
				told = append(told, one.Seq)
			}
		}
		var got []*Delivery
		m.attach(t, "b", "worker", ReceiverFunc(func(d *Delivery) error { got = append(got, d); return nil })).Describe("", nil, true)
		push := func(seqs ...uint64) {
			for _, seq := range seqs {
				m.routers["a"].Forward(context.Background(), Message{
					ID: "1", To: "worker", From: Sender{Agent: "x", Principal: "p", Node: "origin"}, Body: text("x"),
					Stored: &Stored{Seq: seq, Attempt: 1}, Deadline: time.Now().Add(time.Hour),
				}, func(Receipt, error) {})
			}
			synctest.Wait()
		}
		want := func(seqs ...uint64) {
			t.Helper()
			if synctest.Wait(); !slices.Equal(told, seqs) {
				t.Errorf("told of %v, want %v", told, seqs)
			}
			told = nil
		}
		push(1)
		got[0].Delivered()
		time.Sleep(2 * acksFor)
		push(2, 3, 4, 5)
		got[1].Delivered()
		_ = got[2].Fail(&consensus.Refusal{Code: "RETURNED", Sentence: "later"})
		got[3].Delivered()
		want()
		m.set(m.dead, "a", true)
		m.routers["b"].PeersChanged()
		want(2, 4) // 1 was long ago, and 3 was given back
		m.routers["b"].PeersChanged()
		want()
		m.mu.Lock()
		wire := m.wires[[2]string{"a", "b"}]
		m.mu.Unlock()
		m.drop(wire)
		want()
		got[4].Delivered()
		want(5)

		m.set(m.dead, "a", false)
		push(6)
		got[5].Delivered()
		want()
		m.mu.Lock()
		wire = m.wires[[2]string{"a", "b"}]
		m.mu.Unlock()
		m.drop(wire)
		want(6)
	})
}

func TestRememberedAcknowledgementsAreBounded(t *testing.T) {
	var a acks
	now := time.Now()
	for i := range uint64(5*maxAcks + 7) {
		a.add(Ack{"worker", i}, now)
	}
	if cap(a.list) > 4*maxAcks {
		t.Errorf("room for %d", cap(a.list))
	}
	list := a.take(now)
	if len(list) != maxAcks || list[0].Seq != 4*maxAcks+7 || list[maxAcks-1].Seq != 5*maxAcks+6 || a.take(now) != nil {
		t.Errorf("%d from %d on", len(list), list[0].Seq)
	}
}
