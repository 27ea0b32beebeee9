package roster

import (
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/wire"
)

var _ wire.Trust = (*Trust)(nil)

// ByPin says whose key a pin is. A key of a removed node is Removed, whoever
// else may claim it; its peer holds the node's id only.
func (t *Trust) ByPin(pin identity.Pin) (wire.Peer, wire.Verdict) {
	f := t.force.Load()
	if id, dead := f.dead[pin]; dead {
		return wire.Peer{ID: id}, wire.Removed
	}
	if i, ok := f.byPin[pin]; ok {
		return peer(&f.roster.Members[i]), wire.Member
	}
	return wire.Peer{}, wire.Unknown
}

// ByID returns a member as a peer.
func (t *Trust) ByID(id identity.NodeID) (wire.Peer, bool) {
	r := t.Roster()
	if i, ok := searchMember(r.Members, id); ok {
		return peer(&r.Members[i]), true
	}
	return wire.Peer{}, false
}

// ByRaftID returns the member whose current raft id this is.
func (t *Trust) ByRaftID(raftID string) (wire.Peer, bool) {
	f := t.force.Load()
	if i, ok := f.byRaftID[raftID]; ok {
		return peer(&f.roster.Members[i]), true
	}
	return wire.Peer{}, false
}

// peer shares the member's lists, which nobody changes.
func peer(m *Member) wire.Peer {
	return wire.Peer{ID: m.ID, Name: m.Name, RaftID: m.RaftID, Pins: m.Pins, Addresses: m.Addresses, Replica: m.Role == RoleMember}
}
