package roster

import (
	"context"
	"errors"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// refound is the body of the command that makes a single survivor a mesh of
// its own.
type refound struct {
	// MeshID is random, from NewMeshID: the old mesh and the new one can never
	// take each other for themselves.
	MeshID string          `cbor:"1,keyasint"`
	ID     identity.NodeID `cbor:"2,keyasint"`
	// Restored, in place of a survivor, is the first node of a mesh made from a
	// backup, and MeshName its name where it has another.
	Restored *Member `cbor:"3,keyasint,omitempty"`
	MeshName string  `cbor:"4,keyasint,omitempty"`
}

// applyRefound keeps one member, under a new mesh id. The others are not
// removed for ever: reset, they may join. Tokens of the old mesh end.
func applyRefound(w consensus.Writer, c consensus.Command, b refound) (Member, error) {
	if b.Restored != nil {
		return applyRestored(w, c, b)
	}
	h, survivor, err := headAndMember(w, nodeRef{ID: b.ID})
	if err != nil {
		return survivor, err
	}
	if !meshIDGrammar.MatchString(b.MeshID) {
		return Member{}, refuse(CodeInvalid, "a mesh id is 32 hexadecimal digits")
	}
	if err := dropOthers(w, survivor); err != nil {
		return Member{}, err
	}
	if err := revokeAll(w, c); err != nil {
		return Member{}, err
	}
	survivor.Leaving, survivor.Removing = false, false
	store(w, tableMembers, []byte(survivor.ID), survivor)
	h.MeshID, h.Members, h.Leaving = b.MeshID, 1, 0
	touch(w, c, h)
	return survivor, nil
}

// dropOthers takes every member but one off the roster, with no way back for
// their logs.
func dropOthers(w consensus.Writer, keep Member) error {
	var others []Member
	for _, v := range w.Scan(tableMembers, nil, nil) {
		var m Member
		if err := consensus.Decode(v, &m); err != nil {
			return err
		}
		if m.ID != keep.ID {
			others = append(others, m)
		}
	}
	for _, m := range others {
		drop(w, m)
		retireSeat(w, m.RaftID, m.ID)
		for _, p := range m.Pins {
			w.Delete(tablePins, p[:])
		}
	}
	return nil
}

// Refound makes a single survivor a mesh of its own, under a new mesh id. It is
// for a state that nobody else can reach any more; see consensus.Recover.
func (s *Service) Refound(ctx context.Context, meshID string, survivor identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindRefound, refound{MeshID: meshID, ID: survivor})
}

// Refound puts a recovered mesh in the place of the one it came from. Nothing
// but a recovery may call it: it is the only way back for a Trust.
func (t *Trust) Refound(r *Roster) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := r.check(); err != nil {
		return err
	}
	if r.MeshID == "" || len(r.Members) != 1 {
		return errors.New("a recovered mesh has an id and one member")
	}
	if err := writeTrust(t.dir, r); err != nil {
		return err
	}
	cur := t.force.Load()
	t.force.Store(newInForce(r))
	t.unsaved = false
	close(cur.replaced)
	return nil
}
