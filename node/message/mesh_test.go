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

// mesh is a few routers in one process with a directory and connections in
// memory.
type mesh struct {
	mu      sync.Mutex
	routers map[string]*Router
	locals  map[string][]Local
	dead    map[string]bool // the directory says so, and nothing reaches it
	cut     map[string]bool // frames to it vanish, and the connection breaks
	mute    map[string]bool // frames to it vanish, and nobody says so
	wires   map[[2]string]*wires
	wg      sync.WaitGroup
}

// wires is one connection in memory: two strands and who moves their frames.
type wires struct {
	ends [2]*Strand
	once sync.Once
	done chan struct{}
}

func newMesh(t testing.TB, nodes ...string) *mesh {
	m := &mesh{
		routers: map[string]*Router{}, locals: map[string][]Local{}, dead: map[string]bool{},
		cut: map[string]bool{}, mute: map[string]bool{}, wires: map[[2]string]*wires{},
	}
	for _, id := range nodes {
		m.routers[id] = New(Config{NodeID: id, Directory: memberView{m, id}, Link: memberView{m, id}, Peers: memberView{m, id}.living})
	}
	t.Cleanup(func() {
		for _, r := range m.routers {
			r.Close()
		}
		m.mu.Lock()
		var open []*wires
		for _, w := range m.wires {
			open = append(open, w)
		}
		m.mu.Unlock()
		for _, w := range open {
			w.end()
		}
		m.wg.Wait()
	})
	return m
}

func (w *wires) end() {
	w.once.Do(func() {
		close(w.done)
		for _, s := range w.ends {
			s.Ended()
		}
	})
}

// connect makes a connection; m.mu is held.
func (m *mesh) connect(a, b string) *wires {
	w := &wires{done: make(chan struct{})}
	var wakes [2]chan struct{}
	for i, names := range [2][2]string{{a, b}, {b, a}} {
		wakes[i] = make(chan struct{}, 1)
		w.ends[i] = m.routers[names[0]].Connected(names[1], func() {
			select {
			case wakes[i] <- struct{}{}:
			default:
			}
		}, func() { go w.end() })
	}
	for i, to := range [2]string{b, a} {
		m.wg.Go(func() { m.move(w, i, to, wakes[i]) })
	}
	return w
}

// move is the writer of one end and the reader of the other.
func (m *mesh) move(w *wires, i int, to string, wake chan struct{}) {
	var frame []byte
	for {
		select {
		case <-wake:
		case <-w.done:
			return
		}
		for {
			next := w.ends[i].Next()
			if next == nil {
				break
			}
			m.mu.Lock()
			cut, mute := m.cut[to], m.mute[to]
			m.mu.Unlock()
			if cut {
				m.drop(w)
				return
			}
			if mute {
				continue
			}
			frame = append(frame[:0], next...)
			if err := w.ends[1-i].Arrived(frame); err != nil {
				m.drop(w)
				return
			}
			for j := range frame { // whoever keeps a part of it shall see
				frame[j] = 0xff
			}
		}
	}
}

func (m *mesh) drop(w *wires) {
	m.mu.Lock()
	for k, have := range m.wires {
		if have == w {
			delete(m.wires, k)
		}
	}
	m.mu.Unlock()
	w.end()
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
				out = append(out, Host{NodeID: id, NodeName: id, Alive: !v.dead[id], Busy: l.Busy, Instances: l.Instances, Durable: l.Durable})
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

func (v memberView) living() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	var out []string
	for id := range v.routers {
		if id != v.self && !v.dead[id] {
			out = append(out, id)
		}
	}
	return out
}

func (v memberView) Reach(to string, arrived func(*Strand, error)) {
	pair, i := [2]string{v.self, to}, 0
	if to < v.self {
		pair, i = [2]string{to, v.self}, 1
	}
	v.mu.Lock()
	if v.dead[to] {
		v.mu.Unlock()
		arrived(nil, fmt.Errorf("%w: no route", ErrNotSent))
		return
	}
	w, fresh := v.wires[pair], false
	if w == nil {
		w, fresh = v.connect(pair[0], pair[1]), true
		v.wires[pair] = w
	}
	v.mu.Unlock()
	if fresh {
		for _, s := range w.ends {
			s.Began()
		}
	}
	arrived(w.ends[i], nil)
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

// set says what is wrong with the way to a node from now on.
func (m *mesh) set(what map[string]bool, node string, on bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	what[node] = on
}
