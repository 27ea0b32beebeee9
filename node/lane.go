package node

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/wire"
)

// lanes carry message frames to other nodes: one lane a node, so that frames
// to it leave in the order in which they were given and a node that cannot be
// reached holds up nobody else. The router bounds what is under way.
type lanes struct {
	port *wire.Port
	ctx  context.Context

	mu  sync.Mutex
	all map[identity.NodeID]*lane
}

type lane struct {
	waiting []parcel
	busy    bool
}

type parcel struct {
	msg   []byte
	reply func([]byte, error)
}

func newLanes(ctx context.Context, port *wire.Port) *lanes {
	return &lanes{port: port, ctx: ctx, all: map[identity.NodeID]*lane{}}
}

// Send implements message.Link.
func (s *lanes) Send(to string, msg []byte, reply func([]byte, error)) {
	id := identity.NodeID(to)
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.all[id]
	if l == nil {
		l = &lane{}
		s.all[id] = l
	}
	l.waiting = append(l.waiting, parcel{msg, reply})
	if !l.busy {
		l.busy = true
		go s.drive(id, l)
	}
}

// drive sends what waits in one lane, in order, and ends when it is empty.
func (s *lanes) drive(id identity.NodeID, l *lane) {
	for {
		s.mu.Lock()
		if len(l.waiting) == 0 {
			l.busy = false
			delete(s.all, id)
			s.mu.Unlock()
			return
		}
		batch := l.waiting
		l.waiting = nil
		s.mu.Unlock()
		for _, p := range batch {
			s.send(id, p)
		}
	}
}

func (s *lanes) send(id identity.NodeID, p parcel) {
	ctx, cancel := context.WithTimeout(s.ctx, message.MaxTimeout)
	wait, err := s.port.Begin(ctx, id, callDeliver, p.msg)
	if err != nil {
		cancel()
		p.reply(nil, asMessageError(err))
		return
	}
	go func() {
		defer cancel()
		body, err := wait()
		p.reply(body, asMessageError(err))
	}()
}

// asMessageError keeps what the router must know of a failure: whether the
// message certainly stayed here, and the other node's own words.
func asMessageError(err error) error {
	var remote *wire.RemoteError
	switch {
	case errors.Is(err, wire.ErrNotSent):
		return fmt.Errorf("%w: %w", message.ErrNotSent, err)
	case errors.As(err, &remote):
		return &consensus.Refusal{Code: remote.Code, Sentence: remote.Sentence, Details: remote.Details}
	}
	return err
}
