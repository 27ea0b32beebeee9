package node

import (
	"slices"
	"sync"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
)

// addressBook adds what was heard of where members are to what the roster
// says: addresses that a member announced or gossips, and those the operator
// gave. They are only places to try; who answers there is proven by its key.
// Safe for concurrent use.
type addressBook struct {
	*roster.Trust
	extra []string

	mu    sync.Mutex
	heard map[identity.NodeID][]string
}

var _ wire.Trust = (*addressBook)(nil)

func newAddressBook(t *roster.Trust, extra []string) *addressBook {
	return &addressBook{Trust: t, extra: extra, heard: map[identity.NodeID][]string{}}
}

const maxHeard = 8

// hear keeps the newest addresses a member speaks of, the first the freshest.
func (b *addressBook) hear(id identity.NodeID, addresses ...string) {
	if _, ok := b.Trust.ByID(id); !ok {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard[id] = unite(maxHeard, addresses, b.heard[id])
}

// ByID implements wire.Trust.
func (b *addressBook) ByID(id identity.NodeID) (wire.Peer, bool) {
	p, ok := b.Trust.ByID(id)
	return b.complete(p), ok
}

// ByRaftID implements wire.Trust.
func (b *addressBook) ByRaftID(id string) (wire.Peer, bool) {
	p, ok := b.Trust.ByRaftID(id)
	return b.complete(p), ok
}

func (b *addressBook) complete(p wire.Peer) wire.Peer {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.Addresses = unite(3*maxHeard, p.Addresses, b.heard[p.ID], b.extra)
	return p
}

// unite joins lists without repeats, keeping the order, up to limit.
func unite(limit int, lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		for _, a := range l {
			if len(out) < limit && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	return out
}
