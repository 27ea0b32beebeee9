package roster

import (
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// Full lists are refused with a word on what to do, and what replaces nothing
// new is still let through.
func TestFullLists(t *testing.T) {
	mem := consensustest.NewMemory()
	apply := func(k kind, body any) error {
		o := consensus.NewOverlay(mem)
		_, err := NewPart(nil).Apply(o, consensus.Command{Body: encodeCommand(k, body), Revision: 9, Time: stageStart, Level: 1})
		if err == nil {
			mem.Flush(o.Writes())
		}
		return err
	}
	set := func(change func(*meta), tokens int) {
		o := consensus.NewOverlay(mem)
		h, err := mesh(o)
		if err != nil {
			t.Fatal(err)
		}
		change(&h)
		store(o, tableMeta, keyMesh, h)
		store(o, tableMeta, keyTokens, tokenMeta{Tokens: tokens})
		mem.Flush(o.Writes())
	}
	token := func(n int) createToken {
		return createToken{ID: testToken(n), PublicKey: make([]byte, 32), Role: RoleMember, Uses: 9, TTLMillis: 1000_000, CreatedBy: "a"}
	}
	admit := func(id string, n int) Admission {
		return Admission{TokenID: testToken(1), ID: nid(n), Name: id, Pin: testPin(n), RaftID: id, Role: RoleMember}
	}
	founder := Admission{ID: "a", Name: "a", Pin: testPin(1), RaftID: "r"}.member()
	for _, c := range []struct {
		what string
		k    kind
		body any
		want string
	}{
		{"found", kindFound, Founding{MeshID: NewMeshID(), MeshName: "m", Member: founder}, ""},
		{"token", kindCreateToken, token(1), ""},
		{"admit b", kindAdmit, admit("b", 2), ""},
	} {
		if got := code(apply(c.k, c.body)); got != c.want {
			t.Fatal(c.what, got)
		}
	}
	set(func(h *meta) { h.Members, h.Tombstones = MaxMembers, MaxTombstones }, MaxTokens)
	again := admit("b", 2)
	again.RaftID = "b2"
	for _, c := range []struct {
		what string
		k    kind
		body any
		want string
	}{
		{"a token", kindCreateToken, token(2), CodeTooMany},
		{"a member", kindAdmit, admit("c", 3), CodeTooMany},
		{"a removal", kindRemove, nodeRef{ID: nid(2)}, CodeTooMany},
		{"a member again", kindAdmit, again, ""},
	} {
		if got := code(apply(c.k, c.body)); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	set(func(h *meta) { h.Members-- }, MaxTokens-1)
	if err := apply(kindAdmit, admit("c", 3)); err != nil {
		t.Error(err)
	}
	if err := apply(kindCreateToken, token(2)); err != nil {
		t.Error(err)
	}
}
