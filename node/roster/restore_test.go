package roster

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// A mesh made from a backup has its one new member and nothing of the old
// mesh's but what must not be undone: removals, and logs that were given up.
func TestRestoredRoster(t *testing.T) {
	s := newStage(t)
	for _, line := range []string{
		"found id=a pin=1", "token id=1 by=a uses=5", "admit id=b pin=2", "admit id=c pin=3", "remove id=c", "leave id=b",
	} {
		s.do(line)
	}
	restore := func(meshID, name string, first Member) (m Member, err error) {
		out, err := s.state.Propose(t.Context(), RestoreCommand(meshID, name, first))
		if err == nil {
			err = consensus.Decode(out.Result, &m)
		}
		return m, err
	}
	first := s.admission(args{"id": "n", "pin": "9", "name": "ALPHA", "raft": "r-n"}).member()
	if _, err := restore("nonsense", "", first); err == nil {
		t.Error("a mesh id that is none is taken")
	}
	stolen := first
	stolen.RaftID = "r-b"
	if _, err := restore(strings.Repeat("f", 32), "", stolen); err == nil {
		t.Error("a log of the old mesh comes back")
	}
	m, err := restore(strings.Repeat("f", 32), "", first)
	if err != nil {
		t.Fatal(err)
	}
	r := s.part.Roster()
	if got, want := brief(r), "7: n=alpha/r-n †c"; got != want || r.MeshID != strings.Repeat("f", 32) || r.MeshName != "home" {
		t.Errorf("%s of %s %q, want %s", got, r.MeshID, r.MeshName, want)
	}
	if m.JoinedRevision != 7 || m.Role != RoleMember {
		t.Errorf("%+v", m)
	}
	if tokens, err := s.svc.Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("tokens of the old mesh: %v, %v", tokens, err)
	}
	if err := r.check(); err != nil {
		t.Errorf("the trust file would not take it: %v", err)
	}
	_, err = s.state.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		for _, raft := range []string{"r-a", "r-b", "r-c"} {
			if checkSeat(r, raft, identity.NodeID("a")) == nil {
				t.Errorf("raft id %s may come back", raft)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// It goes on as any mesh.
	for _, line := range []string{"token id=2 by=n", "admit id=b pin=2 token=2 raft=r-b2"} {
		s.do(line)
	}
	if got, want := brief(s.part.Roster()), "9: b=b/r-b2 n=alpha/r-n †c"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := restore(strings.Repeat("e", 32), "Other Home", first); err != nil || s.part.Roster().MeshName != "Other Home" {
		t.Errorf("under another name: %q, %v", s.part.Roster().MeshName, err)
	}
}
