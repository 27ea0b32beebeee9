package node

import (
	"errors"
	"fmt"
	"sync"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/wire"
)

// strangers are the members that do not know this node, as of each one's last
// word.
type strangers struct {
	mu  sync.Mutex
	who map[identity.NodeID]bool
}

// say notes whether id knows this node, and counts those of members who do not.
func (s *strangers) say(id identity.NodeID, stranger bool, members []identity.NodeID) (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.who == nil {
		s.who = map[identity.NodeID]bool{}
	}
	s.who[id] = stranger
	for _, m := range members {
		if s.who[m] {
			count++
		}
	}
	return count
}

// heed takes from a dial what a member says of this node, and returns the dial's
// error. It stops a node that is called removed, or that was leaving and that
// most others know no more: its links were cut before the roster could tell it.
// One member is not enough where there are more, since one that was away for
// long may never have heard of this node, and a node that has left deletes what
// it holds.
func (n *Node) heed(id identity.NodeID, err error) error {
	if errors.Is(err, wire.ErrRemoved) {
		n.stopRemoved()
		return err
	}
	stranger := errors.Is(err, wire.ErrNotMember)
	r := n.trust.Roster()
	me, ok := r.ByID(n.id.ID())
	if err != nil && !stranger || !ok || !me.Leaving {
		return err
	}
	var others []identity.NodeID
	for _, m := range r.Members {
		if m.ID != me.ID {
			others = append(others, m.ID)
		}
	}
	if n.strangers.say(id, stranger, others) > len(others)/2 {
		n.stop(ErrLeft)
	}
	return err
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
