package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
)

// unstageLimit bounds the command that lets go of a body.
const unstageLimit = 10 * time.Second

// putAside brings a large body to every node ahead of its message, in pieces,
// among which the small messages of others pass.
func (s *Service) putAside(it *item) {
	body := it.large
	err := s.putChunks(it)
	s.mu.Lock()
	s.large -= len(body)
	it.from.aside = false
	if err == nil {
		it.encode()
		s.waiting += it.size()
		s.toQueue(it)
	} else {
		s.items--
	}
	s.unpark(it.from)
	s.pump()
	s.mu.Unlock()
	if err != nil {
		it.fail(err)
		s.unstage(it.aside)
	}
}

// unstage lets go of what was put aside of a body whose message is given up.
// Where it fails the leader does it, later.
func (s *Service) unstage(id blobID) {
	if s.cfg.Level() < LevelUnstage || s.life.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.life, unstageLimit)
	defer cancel()
	if _, err := s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: encodeUnstage(id)}); err != nil {
		s.cfg.Logger.Debug("what was put aside of a message's body goes later", "error", err)
	}
}

func (s *Service) putChunks(it *item) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	defer context.AfterFunc(it.ctx, cancel)()
	it.aside = blobID(id)
	it.accept.Blob = it.aside
	body := it.large
	for n := 0; len(body) > 0; n++ {
		size := min(len(body), chunkBody)
		cmd := encodeChunk(it.accept.Blob, n, body[:size])
		var err error
		for range 3 {
			if _, err = s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: cmd}); !errors.Is(err, consensus.ErrUnknown) || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			if it.ctx.Err() != nil {
				return it.ctx.Err() // the pieces that are there are swept
			}
			return err
		}
		body = body[size:]
	}
	return nil
}
