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
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

// RecoveryPlan says what a recovery would keep, and whose writes it would lose.
type RecoveryPlan struct {
	Term, Index, Revision uint64
	// LastWrite is the mesh time of the last entry this node has.
	LastWrite time.Time
	// Damaged says what is wrong with this node's own replica, and is empty
	// where nothing is; then Kept names what is kept of it, Lost what of its own
	// is lost, and Aside where the damaged replica stays.
	Damaged, Kept, Lost, Aside string
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
	if err := recoverable(dir); err != nil {
		return RecoveryPlan{}, err
	}
	lock, err := lockDir(dir)
	if err != nil {
		return RecoveryPlan{}, err
	}
	defer lock.release()
	u, err := readUnfinished(dir)
	if err != nil {
		return RecoveryPlan{}, err
	}
	if u.Verb == verbRestore {
		return RecoveryPlan{}, Unfinished(dir)
	}
	trust, err := roster.OpenTrust(dir)
	if err != nil {
		return RecoveryPlan{}, err
	}
	id, err := identity.Open(filepath.Join(dir, identityDir), nil)
	if err != nil {
		return RecoveryPlan{}, err
	}
	info, err := consensus.Inspect(u.rewritten(dir))
	if err != nil {
		return RecoveryPlan{}, nothingWhole(dir, err)
	}
	p := RecoveryPlan{Term: info.Term, Index: info.LastIndex, Revision: info.Revision, LastWrite: info.LastEntry, Members: []string{}}
	if info.Damaged != "" {
		p.Damaged, p.Kept, p.Lost = info.Damaged, info.Kept, info.Lost
		if p.Aside, err = nextAside(dir); err != nil {
			return RecoveryPlan{}, err
		}
	}
	for _, m := range trust.Roster().Members {
		if m.ID != id.ID() {
			p.Members = append(p.Members, m.Name)
		}
	}
	return p, nil
}

// Recover makes a stopped node, the single survivor of its mesh, a new mesh of
// one: under a new mesh id, with all the state it has, its revision raised by
// 2^32 so that no old token or cursor can be mistaken. Nobody is talked to. A
// replica that has lost entries is set aside as it is, for another that is made
// of what is whole in it. Cut short, it leaves a mark that keeps the node from
// starting, and goes on when it is called again.
func Recover(ctx context.Context, cfg Config) (done Recovery, err error) {
	if err := recoverable(cfg.Data); err != nil {
		return done, err
	}
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
	fresh := u.Verb == ""
	if fresh {
		u = unfinished{Verb: verbRecover, MeshID: roster.NewMeshID(), OldMeshID: trust.MeshID()}
	}
	if err := u.rewrite(ctx, cfg, id.ID(), fresh); err != nil {
		return done, err
	}
	done = Recovery{OldMeshID: u.OldMeshID, MeshID: u.MeshID}
	r, revision, err := refound(ctx, cfg, filepath.Join(cfg.Data, raftDir), u.MeshID, id.ID())
	if err != nil {
		return done, err
	}
	done.Revision = revision
	if err := trust.Refound(r); err != nil {
		return done, err
	}
	return done, clearUnfinished(cfg.Data)
}

// refound makes the state of a raft directory that of a mesh of this node
// alone, if it is not that already.
func refound(ctx context.Context, cfg Config, dir, mesh string, self identity.NodeID) (r *roster.Roster, revision uint64, err error) {
	p := newParts(nil)
	group, err := openAlone(cfg, dir, p.all()...)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, group.Close()) }()
	if _, err := roster.NewService(group).Refound(ctx, mesh, self); err != nil {
		return nil, 0, fmt.Errorf("making the new mesh: %w", err)
	}
	return p.roster.Roster(), group.Status().Revision, nil
}

// openAlone opens the state of a stopped node with nobody to talk to.
func openAlone(cfg Config, dir string, parts ...consensus.Part) (*consensus.Group, error) {
	alone := newSilence()
	return consensus.Open(consensus.Config{
		Dir: dir, Parts: parts,
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
