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
	if u, err := readUnfinished(dir); err != nil || u.Verb == verbRestore {
		return RecoveryPlan{}, errors.Join(err, Unfinished(dir))
	}
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
// 2^32 so that no old token or cursor can be mistaken. Nobody is talked to. Cut
// short, it leaves a mark that keeps the node from starting, and goes on when it
// is called again.
func Recover(ctx context.Context, cfg Config) (done Recovery, err error) {
	lock, err := lockDir(cfg.Data)
	if err != nil {
		return done, err
	}
	defer lock.release()
	u, err := readUnfinished(cfg.Data)
	if err != nil {
		return done, err
	}
	if u.Verb == verbRestore {
		return done, Unfinished(cfg.Data)
	}
	trust, err := roster.OpenTrust(cfg.Data)
	if err != nil {
		return done, err
	}
	id, err := identity.Open(filepath.Join(cfg.Data, identityDir), nil)
	if err != nil {
		return done, err
	}
	if u.Verb == "" {
		u = unfinished{Verb: verbRecover, MeshID: roster.NewMeshID(), OldMeshID: trust.MeshID()}
		if err := u.begin(cfg.Data); err != nil {
			return done, err
		}
	} else if _, err := consensus.Recover(filepath.Join(cfg.Data, raftDir)); err != nil {
		return done, fmt.Errorf("rewriting the log's configuration: %w", err)
	}
	part := roster.NewPart(nil)
	group, err := openAlone(cfg, part, access.NewPart(), graphsync.NewPart())
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	done = Recovery{OldMeshID: u.OldMeshID, MeshID: u.MeshID}
	if _, err := roster.NewService(group).Refound(ctx, done.MeshID, id.ID()); err != nil {
		return done, fmt.Errorf("making the new mesh: %w", err)
	}
	done.Revision = group.Status().Revision
	if err := trust.Refound(part.Roster()); err != nil {
		return done, err
	}
	return done, clearUnfinished(cfg.Data)
}

// begin marks the directory and takes the step after which there is no way
// back. Where that failed before it changed anything, the mark goes too.
func (u unfinished) begin(dir string) error {
	raft := filepath.Join(dir, raftDir)
	before, err := consensus.Inspect(raft)
	if err != nil {
		return err
	}
	if err := u.mark(dir); err != nil {
		return fmt.Errorf("marking the directory: %w", err)
	}
	_, err = consensus.Recover(raft)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("rewriting the log's configuration: %w", err)
	if after, inspectErr := consensus.Inspect(raft); inspectErr == nil && after.LastIndex == before.LastIndex {
		err = errors.Join(err, clearUnfinished(dir))
	}
	return err
}

// openAlone opens the state of a stopped node with nobody to talk to.
func openAlone(cfg Config, parts ...consensus.Part) (*consensus.Group, error) {
	alone := newSilence()
	return consensus.Open(consensus.Config{
		Dir: filepath.Join(cfg.Data, raftDir), Parts: parts,
		Listener: alone, Dial: alone.dial, Logger: cfg.Logger,
	})
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
