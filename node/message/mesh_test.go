package message

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/meshd/meshd/consensus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// mesh is a few routers in one process with a directory and links in memory.
type mesh struct {
	mu      sync.Mutex
	routers map[string]*Router
	locals  map[string][]Local
	dead    map[string]bool // the directory says so, and nothing reaches it
	cut     map[string]bool // frames to it vanish, and the link breaks after
	mute    map[string]bool // frames to it vanish, and nobody says so
	order   map[string]chan func()
	wg      sync.WaitGroup
}

func newMesh(t testing.TB, nodes ...string) *mesh {
	m := &mesh{
		routers: map[string]*Router{}, locals: map[string][]Local{}, dead: map[string]bool{},
		cut: map[string]bool{}, mute: map[string]bool{}, order: map[string]chan func(){},
	}
	for _, id := range nodes {
		m.routers[id] = New(Config{NodeID: id, Directory: memberView{m, id}, Link: memberView{m, id}})
	}
	// One reader for each directed pair, as a connection has.
	for _, a := range nodes {
		for _, b := range nodes {
			ch := make(chan func(), 4096)
			m.order[a+">"+b] = ch
			m.wg.Go(func() {
				for fn := range ch {
					fn()
				}
			})
		}
	}
	t.Cleanup(func() {
		for _, r := range m.routers {
			r.Close()
		}
		for _, ch := range m.order {
			close(ch)
		}
		m.wg.Wait()
	})
	return m
}

type memberView struct {
	*mesh
	self string
}

func (v memberView) Lookup(agent string) []Host {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []Host
	for id, list := range v.locals {
		for _, l := range list {
			if l.Name == agent {
				out = append(out, Host{NodeID: id, NodeName: id, Alive: !v.dead[id], Busy: l.Busy, Instances: l.Instances})
			}
		}
	}
	return out
}

func (v memberView) ResolveNode(ref string) (string, error) {
	if _, ok := v.routers[ref]; !ok {
		return "", errors.New("no such node")
	}
	return ref, nil
}

func (v memberView) Announce(agents []Local) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.locals[v.self] = agents
}

func (v memberView) Send(to string, msg []byte, reply func([]byte, error)) {
	v.mu.Lock()
	dead, cut, mute := v.dead[to], v.cut[to], v.mute[to]
	v.mu.Unlock()
	switch {
	case dead:
		reply(nil, fmt.Errorf("%w: no route", ErrNotSent))
	case cut:
		reply(nil, errors.New("connection reset"))
	case mute:
	default:
		msg = append([]byte(nil), msg...)
		v.order[v.self+">"+to] <- func() { v.routers[to].HandleFrame(v.self, msg, reply) }
	}
}

// echo answers every request with its own body and notes what came.
type echo struct {
	mu  sync.Mutex
	got []Message
}

func (e *echo) Deliver(d *Delivery) error {
	e.mu.Lock()
	e.got = append(e.got, *d.Message)
	e.mu.Unlock()
	d.Sent()
	d.Delivered()
	if d.WantReply {
		return d.Reply(d.Message.Body)
	}
	return nil
}

func (e *echo) ids() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, m := range e.got {
		out = append(out, m.ID)
	}
	return out
}

func (m *mesh) attach(t testing.TB, node, name string, r Receiver) *Session {
	t.Helper()
	s, err := m.routers[node].Attach(context.Background(), name, "key-"+node, Profile{}, r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	if err != nil {
		return "not a refusal: " + err.Error()
	}
	return ""
}

func text(s string) json.RawMessage {
	b, _ := json.Marshal(s)
	return b
}
