package roster

import (
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// A mesh always keeps a member that is not leaving: nobody else could let the
// next one in.

func applyLeave(w consensus.Writer, c consensus.Command, b nodeRef) (Member, error) {
	h, m, err := headAndMember(w, b)
	if err != nil || m.Leaving {
		return m, err
	}
	if h.Members-h.Leaving <= 1 {
		return Member{}, refuse(CodeLastMember, "this is the last member that stays; `meshd reset` ends the mesh together with its data")
	}
	m.Leaving = true
	h.Leaving++
	store(w, tableMembers, []byte(m.ID), m)
	touch(w, c, h)
	return m, nil
}

func applyStay(w consensus.Writer, c consensus.Command, b nodeRef) (Member, error) {
	h, m, err := headAndMember(w, b)
	if err != nil || !m.Leaving {
		return m, err
	}
	if m.Removing {
		return Member{}, refuse(CodeRemoving, fmt.Sprintf("%s is being removed; only who removes it can take that back", m.Name))
	}
	return stay(w, c, h, m), nil
}

func stay(w consensus.Writer, c consensus.Command, h meta, m Member) Member {
	m.Leaving, m.Removing = false, false
	h.Leaving--
	store(w, tableMembers, []byte(m.ID), m)
	touch(w, c, h)
	return m
}

// applyVacate makes a member leave that is to be removed. It may have begun to
// leave by itself.
func applyVacate(w consensus.Writer, c consensus.Command, b nodeRef) (Member, error) {
	m, err := applyLeave(w, c, b)
	if err != nil || m.Removing {
		return m, err
	}
	h, err := mesh(w)
	if err != nil {
		return m, err
	}
	m.Removing = true
	store(w, tableMembers, []byte(m.ID), m)
	touch(w, c, h)
	return m, nil
}

func applySpare(w consensus.Writer, c consensus.Command, b nodeRef) (Member, error) {
	h, m, err := headAndMember(w, b)
	if err != nil || !m.Removing {
		return m, err
	}
	return stay(w, c, h, m), nil
}

func applyForget(w consensus.Writer, c consensus.Command, b nodeRef) (Member, error) {
	h, m, err := headAndMember(w, b)
	if err != nil {
		return m, err
	}
	if !m.Leaving {
		return Member{}, refuse(CodeNotLeaving, fmt.Sprintf("%s is not leaving; run `meshd leave` on it, or `meshd remove %s` if it is gone for good", m.Name, m.Name))
	}
	h.Members--
	h.Leaving--
	drop(w, m)
	for _, p := range m.Pins {
		w.Delete(tablePins, p[:])
	}
	touch(w, c, h)
	return m, nil
}

func applyRemove(w consensus.Writer, c consensus.Command, b nodeRef) (Tombstone, error) {
	h, err := mesh(w)
	if err != nil {
		return Tombstone{}, err
	}
	if t, ok, err := load[Tombstone](w, tableTombstones, []byte(b.ID)); err != nil || ok {
		return t, err // removed before, by this proposal or another
	}
	m, err := member(w, b.ID)
	if err != nil {
		return Tombstone{}, err
	}
	if !m.Leaving && h.Members-h.Leaving <= 1 {
		return Tombstone{}, refuse(CodeLastMember, "the last member that stays cannot be removed; `meshd reset` on it ends the mesh")
	}
	if h.Tombstones >= MaxTombstones {
		return Tombstone{}, refuse(CodeTooMany, fmt.Sprintf("the mesh remembers %d removed nodes, its limit; let the node leave instead", MaxTombstones))
	}
	if err := revokeMadeAt(w, c, m.ID); err != nil {
		return Tombstone{}, err
	}
	h.Members--
	h.Tombstones++
	if m.Leaving {
		h.Leaving--
	}
	drop(w, m)
	retireSeat(w, m.RaftID, m.ID)
	t := Tombstone{ID: m.ID, Name: m.Name, Pins: m.Pins, RaftID: m.RaftID, RemovedAt: c.Time.UnixMilli(), Revision: c.Revision}
	store(w, tableTombstones, []byte(t.ID), t)
	touch(w, c, h)
	return t, nil
}

// drop takes a member off the list and frees its name. The pins stay with a
// removed node.
func drop(w consensus.Writer, m Member) {
	w.Delete(tableMembers, []byte(m.ID))
	w.Delete(tableNames, []byte(m.Name))
}

func headAndMember(r consensus.Reader, b nodeRef) (meta, Member, error) {
	h, err := mesh(r)
	if err != nil {
		return h, Member{}, err
	}
	m, err := member(r, b.ID)
	return h, m, err
}
