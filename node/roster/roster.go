// Package roster keeps who belongs to a mesh: the members with their keys and
// addresses, the join tokens that let new ones in, and the tombstones of those
// that were removed for ever.
//
// Its core is a consensus.Part, so that one replicated command decides each
// admission, and two racing joins cannot both use the last use of a token. The
// same list is kept in a small file outside the state, the Trust, by which a
// node knows whom to talk to before it has a state at all. Join tokens are
// strings that carry a one-time key.
//
// It is not a view of who is alive (that is gossip), opens no connection, and
// decides nothing about voters beyond saying who would rather not vote.
//
// It promises that a tombstone never goes away, that a Trust never goes back,
// and that a token admits at most as many nodes as it has uses. DESIGN.md has
// the formats and the reasons.
package roster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/node/identity"
)

// Role is what a node is to its mesh.
type Role string

const (
	// RoleMember holds a replica of the state.
	RoleMember Role = "member"
	// RoleEdge would take part without a replica. No token can be made for it
	// and nobody is admitted as one by this version.
	RoleEdge Role = "edge"
)

// Member is one node that belongs to the mesh.
type Member struct {
	// ID stays for the life of the node, whatever its keys do.
	ID identity.NodeID `cbor:"1,keyasint"`
	// Name is unique among the members, in lower case.
	Name string `cbor:"2,keyasint"`
	// Pins are the keys that speak for the node: one, or two while it rotates.
	Pins []identity.Pin `cbor:"3,keyasint"`
	// RaftID names the node's current log; a new log is a new id.
	RaftID string `cbor:"4,keyasint"`
	// Addresses are host:port, most promising first. Names are allowed and are
	// resolved at each dial.
	Addresses []string `cbor:"5,keyasint,omitempty"`
	Role      Role     `cbor:"6,keyasint"`
	// NoVote keeps a replica that never becomes a voter.
	NoVote bool `cbor:"7,keyasint,omitempty"`
	// Recipient is the node's public age key.
	Recipient string `cbor:"8,keyasint,omitempty"`
	// Version is the software it runs, Level the highest command level that
	// software understands.
	Version string `cbor:"9,keyasint,omitempty"`
	Level   uint32 `cbor:"10,keyasint,omitempty"`
	// JoinedAt is the mesh time of the admission in unix milliseconds.
	JoinedAt       int64  `cbor:"11,keyasint,omitempty"`
	JoinedRevision uint64 `cbor:"12,keyasint,omitempty"`
	// TokenID is the token that admitted it last; empty for the founder.
	TokenID string `cbor:"13,keyasint,omitempty"`
	// Leaving says that the node hands over and will be forgotten.
	Leaving bool `cbor:"14,keyasint,omitempty"`
	// Removing says that it leaves because another member removes it: it
	// cannot take that back.
	Removing bool `cbor:"15,keyasint,omitempty"`
}

// Tombstone is what stays of a removed node, for ever: neither its id nor any
// of its keys is admitted again.
type Tombstone struct {
	ID     identity.NodeID `cbor:"1,keyasint"`
	Name   string          `cbor:"2,keyasint,omitempty"`
	Pins   []identity.Pin  `cbor:"3,keyasint,omitempty"`
	RaftID string          `cbor:"4,keyasint,omitempty"`
	// RemovedAt is mesh time in unix milliseconds.
	RemovedAt int64  `cbor:"5,keyasint,omitempty"`
	Revision  uint64 `cbor:"6,keyasint,omitempty"`
}

// Roster is the list at one revision. It is a value that nobody changes once
// it has been handed out.
type Roster struct {
	// MeshID is 32 hexadecimal digits; empty where there is no mesh yet.
	MeshID   string `cbor:"1,keyasint,omitempty"`
	MeshName string `cbor:"2,keyasint,omitempty"`
	// Revision is the state's revision after the last command that changed the
	// roster (tokens are no part of it).
	Revision uint64 `cbor:"3,keyasint,omitempty"`
	// Members and Tombstones are sorted by ID.
	Members    []Member    `cbor:"4,keyasint,omitempty"`
	Tombstones []Tombstone `cbor:"5,keyasint,omitempty"`
}

// ByID returns the member with an id.
func (r *Roster) ByID(id identity.NodeID) (Member, bool) {
	if i, ok := searchMember(r.Members, id); ok {
		return r.Members[i], true
	}
	return Member{}, false
}

// ByName returns the member with a name, in whatever case it is written.
func (r *Roster) ByName(name string) (Member, bool) {
	name = strings.ToLower(name)
	for _, m := range r.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Level is the highest command level that every member executes, and own where
// there is no member yet.
func (r *Roster) Level(own uint32) uint32 {
	if r == nil {
		return own
	}
	for _, m := range r.Members {
		own = min(own, max(m.Level, 1))
	}
	return own
}

// Removed returns the tombstone of an id.
func (r *Roster) Removed(id identity.NodeID) (Tombstone, bool) {
	i, ok := slices.BinarySearchFunc(r.Tombstones, id, func(t Tombstone, id identity.NodeID) int {
		return strings.Compare(string(t.ID), string(id))
	})
	if !ok {
		return Tombstone{}, false
	}
	return r.Tombstones[i], true
}

// minPrefix is the shortest beginning of an id that Resolve accepts: shorter
// ones change their meaning too easily as a mesh grows.
const minPrefix = 6

// Resolve finds the one member a person means by ref: its name, its id, or an
// unambiguous beginning of the id of at least six characters; case and dashes
// of ids do not matter. Errors are *consensus.Refusal values with code
// NODE_UNKNOWN, NODE_REMOVED or NODE_AMBIGUOUS.
func (r *Roster) Resolve(ref string) (Member, error) {
	ref = strings.TrimSpace(ref)
	if ref == "" {
		return Member{}, refuse(CodeNodeUnknown, "no node is named; `meshd members` lists names and ids")
	}
	want := plainID(ref)
	var found []Member
	for _, m := range r.Members {
		switch id := plainID(string(m.ID)); {
		case id == want:
			return m, nil
		case len(want) >= minPrefix && strings.HasPrefix(id, want):
			found = append(found, m)
		}
	}
	if m, ok := r.ByName(ref); ok {
		return m, nil
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		names := make([]string, 0, 3)
		for _, m := range found[:min(len(found), 3)] {
			names = append(names, m.Name)
		}
		return Member{}, refuse(CodeNodeAmbiguous, fmt.Sprintf("%q is the beginning of %d node ids (%s); write more of it or use the name",
			clip(ref), len(found), strings.Join(names, ", ")))
	}
	for _, t := range r.Tombstones {
		id := plainID(string(t.ID))
		if id == want || t.Name == strings.ToLower(ref) || (len(want) >= minPrefix && strings.HasPrefix(id, want)) {
			return Member{}, refuse(CodeNodeRemoved, fmt.Sprintf("%q was removed from this mesh", clip(ref)))
		}
	}
	return Member{}, refuse(CodeNodeUnknown, fmt.Sprintf("no member is called %q; `meshd members` lists names and ids", clip(ref)))
}

// plainID brings an id into the form ids are compared in, with what people
// misread set right as identity.ParseNodeID does.
func plainID(s string) string { return idTypos.Replace(strings.ToLower(s)) }

var idTypos = strings.NewReplacer("-", "", " ", "", "0", "o", "1", "i", "8", "b")

// clip bounds what an error repeats of its input.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func searchMember(ms []Member, id identity.NodeID) (int, bool) {
	return slices.BinarySearchFunc(ms, id, func(m Member, id identity.NodeID) int {
		return strings.Compare(string(m.ID), string(id))
	})
}
