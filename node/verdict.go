package node

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
)

// strangers are the members that do not know this node, as of each one's last
// word.
type strangers struct {
	mu    sync.Mutex
	who   map[identity.NodeID]bool
	since time.Time // most of the members have not known this node; zero: they know it
	last  time.Time // somebody did not know it
}

// disownedAfter is how long most members must not have known this node before
// that is said, since of a newcomer they hear within moments; and how fresh such
// a word must be, since those who learn of it may dial and not be dialled.
const disownedAfter = 10 * time.Second

// say notes whether id knows the node me, and says whether more than half of the
// other members do not.
func (s *strangers) say(id identity.NodeID, stranger bool, r *roster.Roster, me identity.NodeID, now time.Time) (most bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.who == nil {
		s.who = map[identity.NodeID]bool{}
	}
	s.who[id] = stranger
	if stranger {
		s.last = now
	}
	others, strangers := 0, 0
	for _, m := range r.Members {
		if m.ID == me {
			continue
		}
		others++
		if s.who[m.ID] {
			strangers++
		}
	}
	most = strangers > others/2
	if !most {
		s.since = time.Time{}
	} else if s.since.IsZero() {
		s.since = now
	}
	return most
}

// disown says that most members have not known this node for long enough.
func (s *strangers) disown(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.since.IsZero() && now.Sub(s.since) >= disownedAfter && now.Sub(s.last) < disownedAfter
}

// heed takes from a dial what a member says of this node, and returns the dial's
// error. It stops a node that is called removed, or that was leaving and that
// most others know no more: its links were cut before the roster could tell it.
// One that was not leaving goes on and says so. One member is not enough where
// there are more, since one that was away for long may never have heard of this
// node, and a node that has left deletes what it holds.
func (n *Node) heed(id identity.NodeID, err error) error {
	if errors.Is(err, wire.ErrRemoved) {
		n.stopRemoved()
		return err
	}
	stranger := errors.Is(err, wire.ErrNotMember)
	r := n.trust.Roster()
	me, ok := r.ByID(n.id.ID())
	if err != nil && !stranger || !ok {
		return err
	}
	if n.strangers.say(id, stranger, r, me.ID, time.Now()) && me.Leaving {
		n.stop(ErrLeft)
	}
	if n.isDisowned() && !n.disowned.Swap(true) {
		p := disowned(n.cfg.Data)
		n.log.Error(p.Text, "next", p.Next)
	}
	return err
}

// isDisowned says that this node runs without a mesh that knows it.
func (n *Node) isDisowned() bool {
	return n.strangers.disown(time.Now()) && n.group.Status().LeaderID == ""
}

// disowned is said where most other members do not know this node, which was not
// about to leave: an old copy of its directory was put back after it had left. It
// may hold what nobody else does, so it is neither cleared nor made to join.
func disowned(data string) Problem {
	return Problem{Code: "NOT_A_MEMBER", Text: "most other members do not know this node: it left the mesh, and " + data + " is from before",
		Next: "read here what is only here; then `meshd reset` clears the directory, and `meshd join TOKEN` makes a node of the mesh of it"}
}

// forgotten says that the roster in force, which once had this node, has it no
// more, without calling it removed: it has left.
func (n *Node) forgotten() bool {
	r := n.trust.Roster()
	_, member := r.ByID(n.id.ID())
	_, removed := r.Removed(n.id.ID())
	return r.MeshID != "" && !member && !removed
}

func (n *Node) stopRemoved() {
	n.stop(fmt.Errorf("%w for ever: `meshd reset` makes %s a new node, which may join with a new token", ErrRemoved, n.cfg.Data))
}
