package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// leaves takes a node out and waits until its process has ended and nobody
// lists it any more.
func leaves(t testing.TB, n *realmesh.Node, rest ...*realmesh.Node) {
	t.Helper()
	name := mustStatus(t, n).Node.Name
	begun := time.Now()
	n.Must("leave", "--yes")
	ends(t, n, done, "left the mesh")
	for _, r := range rest {
		realmesh.Eventually(t, 20*time.Second, name+" is off the list of "+r.Name, func() error {
			_, there, err := member(r, name)
			if err == nil && there {
				err = fmt.Errorf("it is still there")
			}
			return err
		})
	}
	t.Logf("%s left in %s", name, time.Since(begun).Round(time.Millisecond))
}

// comesBack joins a node that left again, by a new token; it is the node it was.
func comesBack(t testing.TB, n *realmesh.Node, id string, via *realmesh.Node, all ...*realmesh.Node) {
	t.Helper()
	wantExit(t, realmesh.Command(t, "", "serve", "--data", n.Data, "--listen", n.Address), refused, "belongs to no mesh yet")
	n.Start("join", via.Token())
	n.WaitServing()
	realmesh.Alive(t, 40*time.Second, all...)
	if got := mustStatus(t, n).Node.ID; got != id {
		t.Errorf("it came back as %s, was %s", got, id)
	}
}

func TestLeaveOfAFollower(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	n := others(nodes, leader)[0]
	rest := others(nodes, n)
	id := mustStatus(t, n).Node.ID
	l := newLedger(t, "leave", rest...)
	l.start(2, 1)
	leaves(t, n, rest...)
	// Two replicas keep one voter: an even number would only lose more.
	realmesh.Eventually(t, 30*time.Second, "one voter of two", func() error { return voters(leader, 1) })
	l.more(5, 20*time.Second)
	comesBack(t, n, id, rest[1], nodes...)
	realmesh.Eventually(t, 30*time.Second, "three voters again", func() error { return voters(n, 3) })
	l.finish(nodes...)
}

func TestLeaveOfTheLeader(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := leaderOf(t, nodes...)
	rest := others(nodes, n)
	id := mustStatus(t, n).Node.ID
	l := newLedger(t, "leave", rest...)
	l.start(2, 2)
	leaves(t, n, rest...)
	leaderOf(t, rest...)
	l.more(5, 20*time.Second)
	comesBack(t, n, id, rest[0], nodes...)
	l.finish(nodes...)
}

// The only voter of two leaves: the other takes over voice and state first.
func TestLeaveOfTheSoleVoterOfTwo(t *testing.T) {
	t.Parallel()
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Join(a)
	id := mustStatus(t, a).Node.ID
	a.Must("graph", "add", "node", "note", "before", "key=before")
	leaves(t, a, b)
	if leader := leaderOf(t, b); leader != b {
		t.Fatal("nobody leads")
	}
	b.Must("graph", "get", "before")
	b.Must("graph", "add", "node", "note", "after", "key=after")
	wantExit(t, b.Run("leave", "--yes"), refused, "only node", "meshd reset")
	comesBack(t, a, id, b, a, b)
	realmesh.Formed(t, 10*time.Second, a, b)
	a.Must("graph", "get", "after")
}

// A voter leaves a moment after another has died, before anyone can be sure
// that it is dead. With two spares at hand the mesh must not end without a
// majority.
func TestLeaveRightAfterAnotherVoterDied(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	d, e := realmesh.New(t, "delta"), realmesh.New(t, "epsilon")
	d.Join(nodes[0])
	e.Join(nodes[0])
	leader := leaderOf(t, nodes...)
	rest := others(nodes, leader)
	realmesh.Formed(t, 20*time.Second, append(nodes, d, e)...)
	l := newLedger(t, "leave", leader, d, e)
	rest[0].Kill()
	r := rest[1].Run("leave", "--yes")
	if r.Code != done {
		t.Logf("the leave was refused: %s", r.Stderr)
	}
	l.start(1, 5)
	l.more(5, 45*time.Second)
	l.finish(leader, d, e)
}

// A removed node is cut everywhere within five seconds, hears it with the next
// step, and cannot come back by a token until it is reset to be another.
func TestF16F27RemovedNodeIsCutAndStaysOut(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	out := others(nodes, leader)[0]
	rest := others(nodes, out)
	key := nodes[0].AdminKey()
	id := mustStatus(t, out).Node.ID
	client := out.Client(key)
	client.Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f16", "node_type": "note", "label": "before"})

	doubtful := 0 // of those that were not accepted
	write := func() bool {
		a, err := client.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": "f16", "node_type": "note", "label": "after"})
		if err != nil || a.Code() == "OUTCOME_UNKNOWN" {
			doubtful++
		}
		return err == nil && a.Status == http.StatusCreated
	}
	begun := time.Now()
	rest[1].Must("remove", out.Name, "--yes")
	// So many tries take five seconds at rest. A machine that has much else to do
	// makes them later, as its nodes cut later.
	const tries = 100
	crossed := 0
	for ; crossed < tries && write(); crossed++ {
		time.Sleep(5 * time.Second / tries)
	}
	if crossed == tries {
		t.Errorf("%d writes crossed from it after it was removed", crossed)
	}
	for _, r := range rest {
		realmesh.Eventually(t, 5*time.Second, r.Name+" has cut it", func() error {
			_, there, err := member(r, out.Name)
			if err == nil && there {
				err = fmt.Errorf("it is still listed")
			}
			return err
		})
	}
	for range 5 {
		if write() {
			t.Error("a write crossed from it after one had not")
		}
	}
	ends(t, out, refused, "removed", "meshd reset")
	t.Logf("cut and ended after %s, %d writes", time.Since(begun).Round(time.Millisecond), crossed)

	token := rest[0].Token("--uses", "3")
	out.Start("serve")
	ends(t, out, refused, "removed", "meshd reset")
	out.Start("join", token)
	ends(t, out, refused, "removed", "meshd reset")
	// However often it tries, the others' term stays what it is.
	leaderNow := leaderOf(t, rest...)
	before := mustStatus(t, leaderNow).Term

	r := out.Run("reset", "--yes")
	if r.Code != done {
		t.Fatalf("reset: exit %d: %s", r.Code, r.Stderr)
	}
	out.Start("join", token)
	out.WaitServing()
	realmesh.Formed(t, 40*time.Second, nodes...)
	if got := mustStatus(t, out).Node.ID; got == id {
		t.Error("after the reset it is the same node")
	}
	if after := mustStatus(t, leaderNow).Term; after != before {
		t.Errorf("the term went from %d to %d", before, after)
	}
	for _, n := range nodes {
		if got := n.Labels("f16"); len(got) < 1+crossed || len(got) > 1+crossed+doubtful || !slices.Contains(got, "before") {
			t.Errorf("%s holds %v; %d writes crossed, of %d it is not known", n.Name, got, crossed, doubtful)
		}
	}
}

// A node is removed while it is away; it learns of it when it comes back.
func TestF27NodeRemovedWhileAwayHearsIt(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	out := others(nodes, leader)[0]
	rest := others(nodes, out)
	out.Kill()
	leader.Must("remove", out.Name, "--yes")
	before := mustStatus(t, leader)
	out.Start("serve")
	ends(t, out, refused, "removed", "meshd reset")
	out.Start("join", leader.Token())
	ends(t, out, refused, "removed", "meshd reset")
	after := mustStatus(t, leader)
	if after.Term != before.Term || after.Leader == nil || after.Leader.Name != leader.Name {
		t.Errorf("it disturbed the mesh: %+v, was %+v", after, before)
	}
	for _, r := range rest {
		if _, there, err := member(r, out.Name); there || err != nil {
			t.Errorf("%s lists it: %v", r.Name, err)
		}
	}
}

// The single survivor of three becomes a mesh of its own with all that was
// acknowledged; the old members stay strangers to it.
func TestRecoverOfASingleSurvivor(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	n := leader
	dead := others(nodes, n)
	n.Must("graph", "add", "node", "note", "kept", "key=kept")
	key := nodes[0].AdminKey()
	old := mustStatus(t, n)
	for _, m := range nodes {
		m.Kill()
	}

	// Without --yes it wants two words from a person, and there is none here.
	r := n.Run("recover")
	if r.Code == done {
		t.Error("it did not ask")
	}
	says(t, r.Stderr, "--yes", dead[0].Name, dead[1].Name, "revision")
	r = n.Run("recover", "--yes", "--json")
	if r.Code != done {
		t.Fatalf("recover: exit %d: %s", r.Code, r.Stderr)
	}
	var did struct {
		OldMeshID string   `json:"old_mesh_id"`
		MeshID    string   `json:"mesh_id"`
		Revision  uint64   `json:"revision"`
		Former    []string `json:"former_members"`
	}
	decode(t, r.Stdout, &did)
	if did.OldMeshID != old.MeshID || did.MeshID == old.MeshID || did.Revision < 1<<32 || len(did.Former) != 2 {
		t.Errorf("%+v", did)
	}
	n.Start("serve")
	n.WaitServing()
	leaderOf(t, n)
	s := mustStatus(t, n)
	if s.MeshID != did.MeshID || s.Node.ID != old.Node.ID || s.Revision < did.Revision {
		t.Errorf("it became %+v", s)
	}
	n.Must("graph", "get", "kept")
	n.Must("graph", "add", "node", "note", "new", "key=new")
	n.Client(key).Want(http.StatusOK, nil, http.MethodGet, "/status", nil)

	// The others come back after all: they are a majority of the old mesh, and
	// of no concern to the new one.
	for _, d := range dead {
		d.Start("serve")
		d.WaitServing()
	}
	leaderOf(t, dead...)
	dead[0].Must("graph", "add", "node", "note", "old", "key=old")
	if r := n.Run("graph", "get", "old"); r.Code == done {
		t.Error("the meshes have run together")
	}
	if members, err := n.Members(); err != nil || len(members) != 1 {
		t.Errorf("the new mesh lists %v (%v)", members, err)
	}
	wantExit(t, n.Run("ping", dead[0].Name), refused, dead[0].Name)
	dead[0].Kill()
	dead[0].Start("join", n.Token())
	ends(t, dead[0], refused, "belongs to mesh", "meshd reset")
	if r := dead[0].Run("reset", "--yes"); r.Code != done {
		t.Fatalf("reset: %s", r.Stderr)
	}
	dead[0].Start("join", n.Token())
	dead[0].WaitServing()
	realmesh.Formed(t, 30*time.Second, n, dead[0])
	if out := dead[0].Must("graph", "get", "kept"); !strings.Contains(out, "kept") {
		t.Errorf("the newcomer has no state: %s", out)
	}
}

// A node that dies while it is leaving has not left: started again it is the
// member it was, with a voice.
func TestANodeKilledWhileItLeavesStays(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := others(nodes, leaderOf(t, nodes...))[0]
	other := others(nodes, n)[0]
	id := mustStatus(t, n).Node.ID
	_, key := n.APIKey("user")
	others(others(nodes, n), other)[0].Kill() // nobody is left to take over its seat
	left := make(chan realmesh.Result, 1)
	go func() { left <- n.Run("leave", "--yes") }()
	realmesh.Eventually(t, 30*time.Second, "it is leaving", func() error {
		s, err := n.Status()
		for _, p := range s.Problems {
			if p.Code == "LEAVING" {
				return nil
			}
		}
		return fmt.Errorf("%w, problems: %v", err, s.Problems)
	})
	n.Kill()
	if r := <-left; r.Code == 0 {
		t.Error("the leave that was cut off says that all is well:", r.Stdout)
	}
	// The others take its seat while it is down, so that it comes back to a mesh
	// whose leader does not call it any more.
	for _, m := range others(nodes, n) {
		if !m.Running() {
			m.Start("serve")
		}
	}
	realmesh.Eventually(t, 30*time.Second, "the others have one voter", func() error { return voters(other, 1) })
	n.Start("serve")
	realmesh.Alive(t, 60*time.Second, nodes...)
	realmesh.Eventually(t, 60*time.Second, "three voters again", func() error { return voters(n, 3) })
	realmesh.Eventually(t, 30*time.Second, "nothing is amiss", func() error {
		s, err := n.Status()
		if err == nil && len(s.Problems) > 0 {
			err = fmt.Errorf("problems: %v", s.Problems)
		}
		return err
	})
	if s := mustStatus(t, n); s.Node.ID != id {
		t.Errorf("it came back as %s, was %s", s.Node.ID, id)
	}
	if a, err := n.Client(key).Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": "stays", "node_type": "entry", "label": "stays"}); err != nil || a.Status != http.StatusCreated {
		t.Errorf("a write at it: %v %v", a, err)
	}
}

// An old copy of a directory, put back after its node had left, ran without a
// leader and called the others down, which had told it that it is no member.
func TestADirectoryFromBeforeTheLeaveSaysSo(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := nodes[2]
	stop(t, n)
	kept := filepath.Join(t.TempDir(), "kept")
	if err := os.CopyFS(kept, os.DirFS(n.Data)); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	n.WaitServing()
	realmesh.Formed(t, 30*time.Second, nodes...)
	leaves(t, n, nodes[:2]...)

	if err := os.RemoveAll(n.Data); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(kept, n.Data); err != nil {
		t.Fatal(err)
	}
	private(t, n.Data)
	n.Start("serve")
	n.WaitServing()
	realmesh.Eventually(t, 60*time.Second, "it says that it is no member", func() error {
		s, err := n.Status()
		if err == nil && (len(s.Problems) == 0 || s.Problems[0].Code != "NOT_A_MEMBER") {
			err = fmt.Errorf("%+v", s.Problems)
		}
		return err
	})
	says(t, n.Run("doctor").Stdout, "it left the mesh", "meshd reset", "meshd join TOKEN")
	realmesh.Eventually(t, 60*time.Second, "its log says so at the next member it dials", func() error {
		if !strings.Contains(n.LastLog(), "most other members do not know this node") {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	stop(t, n)
	n.Must("reset", "--yes")
	n.Join(nodes[0])
	realmesh.Formed(t, 60*time.Second, nodes...)
}
