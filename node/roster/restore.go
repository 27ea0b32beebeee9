package roster

import "github.com/meshd/meshd/consensus"

// applyRestored gives the roster of a backup to its only node, which is new,
// under a new mesh id. The members of the old mesh and its join tokens are gone;
// who was removed for ever stays so, and no log of the old mesh comes back.
func applyRestored(w consensus.Writer, c consensus.Command, b refound) (Member, error) {
	h, err := mesh(w)
	if err != nil {
		return Member{}, err
	}
	if !meshIDGrammar.MatchString(b.MeshID) {
		return Member{}, refuse(CodeInvalid, "a mesh id is 32 hexadecimal digits")
	}
	name := b.MeshName
	if name == "" {
		name = h.MeshName
	}
	if err := checkMeshName(name); err != nil {
		return Member{}, err
	}
	m := *b.Restored
	m.Role, m.TokenID, m.Leaving, m.Removing = RoleMember, "", false, false
	m.JoinedAt, m.JoinedRevision = c.Time.UnixMilli(), c.Revision
	if err := m.check(); err != nil {
		return Member{}, err
	}
	if err := checkSeat(w, m.RaftID, m.ID); err != nil {
		return Member{}, err
	}
	if err := dropOthers(w, m); err != nil {
		return Member{}, err
	}
	var tokens []string
	for k := range w.Scan(tableTokens, nil, nil) {
		tokens = append(tokens, string(k))
	}
	for _, id := range tokens {
		w.Delete(tableTokens, []byte(id))
	}
	w.Delete(tableMeta, keyTokens)
	insert(w, m)
	h.MeshID, h.MeshName, h.Members, h.Leaving = b.MeshID, name, 1, 0
	touch(w, c, h)
	return m, nil
}

// RestoreCommand makes a state from a backup a mesh of its own, with one new
// member. An empty name keeps that of the old mesh. It is the first command of a
// restored state, before anybody can see it.
func RestoreCommand(meshID, meshName string, first Member) consensus.Proposal {
	first.Name = lower(first.Name)
	return consensus.Proposal{Part: PartName, Body: encodeCommand(kindRefound, refound{MeshID: meshID, ID: first.ID, MeshName: meshName, Restored: &first})}
}
