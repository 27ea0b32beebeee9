package roster

import (
	"fmt"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// maxRosterBytes bounds a roster that is read from a file or a peer: ten
// thousand members with their age recipients, and all tombstones.
const maxRosterBytes = 64 << 20

// maxTombstonePins is far above what one node has: tombstones of two histories
// are united, never cut.
const maxTombstonePins = 64

// Encode returns the deterministic CBOR of a roster, as it stands in the trust
// file and crosses between nodes.
func (r *Roster) Encode() []byte { return consensus.Encode(r) }

// DecodeRoster reads what Encode wrote and refuses whatever could not have
// come from a roster: fields out of bounds, lists out of order, a key, a name
// or a raft id that two members claim, a member that has a tombstone.
func DecodeRoster(data []byte) (*Roster, error) {
	if len(data) > maxRosterBytes {
		return nil, fmt.Errorf("a roster of %d bytes is over the limit of %d", len(data), maxRosterBytes)
	}
	var r Roster
	if err := consensus.Decode(data, &r); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("not a roster: %w", err)
	}
	return &r, nil
}

func (r *Roster) check() error {
	if r.MeshID == "" && len(r.Members)+len(r.Tombstones) == 0 {
		return nil
	}
	if !meshIDGrammar.MatchString(r.MeshID) {
		return fmt.Errorf("%q is not a mesh id", clip(r.MeshID))
	}
	if err := checkMeshName(r.MeshName); err != nil {
		return err
	}
	if len(r.Members) > MaxMembers || len(r.Tombstones) > 2*MaxTombstones {
		return fmt.Errorf("%d members and %d tombstones are too many", len(r.Members), len(r.Tombstones))
	}
	names, seats := map[string]bool{}, map[string]bool{}
	pins := map[identity.Pin]bool{}
	for i := range r.Tombstones {
		t := &r.Tombstones[i]
		if err := checkID(t.ID); err != nil {
			return err
		}
		if i > 0 && strings.Compare(string(r.Tombstones[i-1].ID), string(t.ID)) >= 0 {
			return fmt.Errorf("tombstones are out of order")
		}
		if len(t.Name) > maxName || len(t.RaftID) > maxRaftID || len(t.Pins) > maxTombstonePins {
			return fmt.Errorf("the tombstone of %s is out of bounds", t.ID)
		}
		for _, p := range t.Pins {
			pins[p] = true
		}
	}
	for i := range r.Members {
		m := &r.Members[i]
		if err := m.check(); err != nil {
			return err
		}
		if i > 0 && strings.Compare(string(r.Members[i-1].ID), string(m.ID)) >= 0 {
			return fmt.Errorf("members are out of order")
		}
		if _, dead := r.Removed(m.ID); dead || names[m.Name] || seats[m.RaftID] {
			return fmt.Errorf("member %s was removed or shares its name or raft id", m.ID)
		}
		names[m.Name], seats[m.RaftID] = true, true
		for _, p := range m.Pins {
			if pins[p] {
				return fmt.Errorf("member %s has a key of another node", m.ID)
			}
			pins[p] = true
		}
	}
	return nil
}
