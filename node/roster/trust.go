package roster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/meshd/meshd/node/identity"
)

// Trust is the roster a node acts by, kept in a file of its own so that it is
// known before the state is, and when the state is lost. Reads never block and
// are safe at any time; Accept calls are made one after the other.
type Trust struct {
	dir     string
	mu      sync.Mutex // held by Accept
	unsaved bool       // the file is behind what is in force; under mu
	force   atomic.Pointer[inForce]
}

// inForce is one roster with its indexes, never changed once stored.
type inForce struct {
	roster   *Roster
	byPin    map[identity.Pin]int // index into roster.Members
	byRaftID map[string]int
	dead     map[identity.Pin]identity.NodeID
	replaced chan struct{} // closed when another takes its place
}

func newInForce(r *Roster) *inForce {
	f := &inForce{roster: r, byPin: map[identity.Pin]int{}, byRaftID: map[string]int{}, dead: map[identity.Pin]identity.NodeID{}, replaced: make(chan struct{})}
	for i, m := range r.Members {
		f.byRaftID[m.RaftID] = i
		for _, p := range m.Pins {
			f.byPin[p] = i
		}
	}
	for _, t := range r.Tombstones {
		for _, p := range t.Pins {
			f.dead[p] = t.ID
		}
	}
	return f
}

// OpenTrust reads the trust file of a data directory, which must exist and be
// this process's own: it clears away what a cut write left (ReadTrust looks at
// one that a node runs on). Where there is no file, nobody is trusted and MeshID
// is empty. A file that is damaged or newer than this version is an error that
// names it.
func OpenTrust(dir string) (*Trust, error) {
	r, err := ReadTrust(dir)
	if err != nil {
		return nil, err
	}
	// What a crash in the middle of a write left behind means nothing.
	_ = os.Remove(filepath.Join(dir, trustTemp))
	t := &Trust{dir: dir}
	t.force.Store(newInForce(r))
	return t, nil
}

// Accept takes a roster from the state or from a trusted peer. What is in
// force afterwards is the newer of the two without anyone that either knows as
// removed; it is on disk when Accept returns nil. A roster of another mesh is
// refused with ErrOtherMesh. When the file cannot be written the roster is in
// force all the same, since a removal must not wait for a disk, and the next
// Accept writes it.
func (t *Trust) Accept(r *Roster) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	cur := t.force.Load()
	next, err := merge(cur.roster, r)
	if err != nil {
		return err
	}
	// At one revision only tombstones can have been added.
	same := next.MeshID == cur.roster.MeshID && next.Revision == cur.roster.Revision &&
		slices.EqualFunc(next.Tombstones, cur.roster.Tombstones, func(a, b Tombstone) bool { return a.ID == b.ID && slices.Equal(a.Pins, b.Pins) })
	if same && !t.unsaved {
		return nil
	}
	// What could not be read at the next start must not be written.
	if err := next.check(); err != nil {
		return fmt.Errorf("roster of revision %d: %w", next.Revision, err)
	}
	err = writeTrust(t.dir, next)
	t.unsaved = err != nil
	if !same {
		t.force.Store(newInForce(next))
		close(cur.replaced)
	}
	return err
}

// Roster returns the roster in force, never nil. It must not be changed.
func (t *Trust) Roster() *Roster { return t.force.Load().roster }

// MeshID returns the mesh this node belongs to; empty where to none.
func (t *Trust) MeshID() string { return t.Roster().MeshID }

// Revision returns the revision of the roster in force.
func (t *Trust) Revision() uint64 { return t.Roster().Revision }

// Changed returns a channel that is closed once the roster in force now has
// been replaced. Take it before reading what to compare with.
func (t *Trust) Changed() <-chan struct{} { return t.force.Load().replaced }
