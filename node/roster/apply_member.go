package roster

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

func applyFound(w consensus.Writer, c consensus.Command, b Founding) (Member, error) {
	old, ok, err := load[meta](w, tableMeta, keyMesh)
	if err != nil {
		return Member{}, err
	}
	if ok {
		m, in, err := load[Member](w, tableMembers, []byte(b.Member.ID))
		if err == nil && in && old.MeshID == b.MeshID && slices.Equal(m.Pins, b.Member.Pins) && m.RaftID == b.Member.RaftID {
			return m, nil // the same founding, proposed again
		}
		return Member{}, refuse(CodeMeshExists, fmt.Sprintf("this node already belongs to the mesh %q; use `meshd serve`, or `meshd reset` to leave it behind", old.MeshName))
	}
	if !meshIDGrammar.MatchString(b.MeshID) {
		return Member{}, refuse(CodeInvalid, "a mesh id is 32 hexadecimal digits")
	}
	if err := checkMeshName(b.MeshName); err != nil {
		return Member{}, err
	}
	m := b.Member
	m.Role, m.TokenID, m.Leaving, m.Removing = RoleMember, "", false, false
	m.JoinedAt, m.JoinedRevision = c.Time.UnixMilli(), c.Revision
	if err := m.check(); err != nil {
		return Member{}, err
	}
	insert(w, m)
	store(w, tableMeta, keyMesh, meta{MeshID: b.MeshID, MeshName: b.MeshName, Revision: c.Revision, Members: 1})
	return m, nil
}

// insert writes a member with its indexes.
func insert(w consensus.Writer, m Member) {
	store(w, tableMembers, []byte(m.ID), m)
	w.Put(tableNames, []byte(m.Name), []byte(m.ID))
	for _, p := range m.Pins {
		w.Put(tablePins, p[:], []byte(m.ID))
	}
	store(w, tableRafts, []byte(m.RaftID), seatOwner{ID: m.ID})
}

// mesh returns the head of the roster, or refuses where there is no mesh.
func mesh(r consensus.Reader) (meta, error) {
	m, ok, err := load[meta](r, tableMeta, keyMesh)
	if err == nil && !ok {
		err = refuse(CodeMeshMissing, "this node has no mesh yet; use `meshd init` or `meshd join`")
	}
	return m, err
}

// member returns a member, or the refusal that says why there is none.
func member(r consensus.Reader, id identity.NodeID) (Member, error) {
	m, ok, err := load[Member](r, tableMembers, []byte(id))
	if err != nil || ok {
		return m, err
	}
	if r.Get(tableTombstones, []byte(id)) != nil {
		return m, refuse(CodeNodeRemoved, fmt.Sprintf("node %s was removed from this mesh", clip(string(id))))
	}
	return m, refuse(CodeNodeUnknown, fmt.Sprintf("node %s is not a member; `meshd members` lists them", clip(string(id))))
}

// freeName returns name, or name with the lowest number from 2 that makes it
// free for the node id.
func freeName(r consensus.Reader, name string, id identity.NodeID) string {
	for n, candidate := 2, name; ; n++ {
		owner := r.Get(tableNames, []byte(candidate))
		if owner == nil || string(owner) == string(id) {
			return candidate
		}
		suffix := "-" + strconv.Itoa(n)
		candidate = name[:min(len(name), maxName-len(suffix))] + suffix
	}
}

// checkSeat says whether the node may use a raft id.
func checkSeat(r consensus.Reader, raftID string, id identity.NodeID) error {
	owner, ok, err := load[seatOwner](r, tableRafts, []byte(raftID))
	if err != nil || !ok {
		return err
	}
	if owner.ID != id || owner.Retired {
		return refuse(CodeRaftIDTaken, fmt.Sprintf("raft id %s was used before and its log must not come back; run `meshd reset` on the machine that has it and join again", clip(raftID)))
	}
	return nil
}

// retireSeat keeps a raft id from ever coming back.
func retireSeat(w consensus.Writer, raftID string, id identity.NodeID) {
	store(w, tableRafts, []byte(raftID), seatOwner{ID: id, Retired: true})
}

// touch counts a change of the roster.
func touch(w consensus.Writer, c consensus.Command, h meta) {
	h.Revision = c.Revision
	store(w, tableMeta, keyMesh, h)
}

// check bounds what a change says.
func (b *Change) check() error {
	var errs []error
	if b.Addresses != nil {
		errs = append(errs, checkAddresses(*b.Addresses))
	}
	if b.Name != nil {
		errs = append(errs, checkName(*b.Name))
	}
	if b.Version != nil {
		errs = append(errs, checkText("the version", *b.Version, maxVersion))
	}
	if b.Recipient != nil {
		errs = append(errs, checkText("the age recipient", *b.Recipient, maxRecipient))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func applyUpdate(w consensus.Writer, c consensus.Command, b Change) (Member, error) {
	h, err := mesh(w)
	if err != nil {
		return Member{}, err
	}
	m, err := member(w, b.ID)
	if err != nil {
		return Member{}, err
	}
	if err := b.check(); err != nil {
		return Member{}, err
	}
	was := consensus.Encode(m)
	oldName := m.Name
	if b.Addresses != nil {
		m.Addresses = *b.Addresses
	}
	if b.Name != nil {
		m.Name = freeName(w, *b.Name, m.ID)
	}
	if b.Version != nil {
		m.Version = *b.Version
	}
	if b.Level != nil {
		m.Level = *b.Level
	}
	if b.NoVote != nil {
		m.NoVote = *b.NoVote
	}
	if b.Recipient != nil {
		m.Recipient = *b.Recipient
	}
	if string(consensus.Encode(m)) == string(was) {
		return m, nil
	}
	if m.Name != oldName {
		w.Delete(tableNames, []byte(oldName))
	}
	insert(w, m)
	touch(w, c, h)
	return m, nil
}

func applyReseat(w consensus.Writer, c consensus.Command, b reseat) (Member, error) {
	h, err := mesh(w)
	if err != nil {
		return Member{}, err
	}
	m, err := member(w, b.ID)
	if err != nil {
		return Member{}, err
	}
	switch {
	case m.RaftID == b.New:
		return m, nil
	case m.RaftID != b.Old:
		return Member{}, refuse(CodeRaftIDChanged, fmt.Sprintf("node %s has another raft id by now; read the roster again", m.ID.Short()))
	}
	if err := checkRaftID(b.New); err != nil {
		return Member{}, err
	}
	if err := checkSeat(w, b.New, m.ID); err != nil {
		return Member{}, err
	}
	retireSeat(w, m.RaftID, m.ID)
	m.RaftID = b.New
	insert(w, m)
	touch(w, c, h)
	return m, nil
}
