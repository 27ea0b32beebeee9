package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

// RecoveryPlan says what a recovery would keep, and whose writes it would lose.
type RecoveryPlan struct {
	Term, Index, Revision uint64
	// LastWrite is the mesh time of the last entry this node has.
	LastWrite time.Time
	// Members are the names of the other members of the old mesh.
	Members []string
}

// Recovery is what became of it.
type Recovery struct {
	OldMeshID, MeshID string
	Revision          uint64
}

// PlanRecovery reads a stopped node's directory and changes nothing.
func PlanRecovery(dir string) (RecoveryPlan, error) {
	if !Belongs(dir) {
		return RecoveryPlan{}, fmt.Errorf("%s: %w: there is nothing to recover", dir, ErrNoMesh)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return RecoveryPlan{}, err
	}
	defer lock.release()
	trust, err := roster.OpenTrust(dir)
	if err != nil {
		return RecoveryPlan{}, err
	}
	id, err := identity.Open(filepath.Join(dir, identityDir), nil)
	if err != nil {
		return RecoveryPlan{}, err
	}
	info, err := consensus.Inspect(filepath.Join(dir, raftDir))
	if err != nil {
		return RecoveryPlan{}, err
	}
	p := RecoveryPlan{Term: info.Term, Index: info.LastIndex, Revision: info.Revision, LastWrite: info.LastEntry, Members: []string{}}
	for _, m := range trust.Roster().Members {
		if m.ID != id.ID() {
			p.Members = append(p.Members, m.Name)
		}
	}
	return p, nil
}

// Recover makes a stopped node, the single survivor of its mesh, a new mesh of
// one: under a new mesh id, with all the state it has, its revision raised by
// 2^32 so that no old token or cursor can be mistaken. Nobody is talked to.
func Recover(ctx context.Context, cfg Config) (done Recovery, err error) {
	lock, err := lockDir(cfg.Data)
	if err != nil {
		return done, err
	}
	defer lock.release()
	trust, err := roster.OpenTrust(cfg.Data)
	if err != nil {
		return done, err
	}
	id, err := identity.Open(filepath.Join(cfg.Data, identityDir), nil)
	if err != nil {
		return done, err
	}
	raft := filepath.Join(cfg.Data, raftDir)
	if _, err := consensus.Recover(raft); err != nil {
		return done, fmt.Errorf("rewriting the log's configuration: %w", err)
	}
	part := roster.NewPart(nil)
	alone := newSilence()
	group, err := consensus.Open(consensus.Config{
		Dir: raft, Parts: []consensus.Part{part, access.NewPart(), graphsync.NewPart()},
		Listener: alone, Dial: alone.dial, Logger: cfg.Logger,
	})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	done = Recovery{OldMeshID: trust.MeshID(), MeshID: roster.NewMeshID()}
	if _, err := roster.NewService(group).Refound(ctx, done.MeshID, id.ID()); err != nil {
		return done, fmt.Errorf("making the new mesh: %w", err)
	}
	done.Revision = group.Status().Revision
	return done, trust.Refound(part.Roster())
}

// silence is a network with nobody on it.
type silence struct {
	closed chan struct{}
	once   sync.Once
}

func newSilence() *silence { return &silence{closed: make(chan struct{})} }

func (s *silence) Accept() (net.Conn, error) {
	<-s.closed
	return nil, net.ErrClosed
}

func (s *silence) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *silence) Addr() net.Addr { return &net.TCPAddr{} }

func (s *silence) dial(context.Context, string) (net.Conn, error) {
	return nil, errors.New("nobody is there during a recovery")
}
