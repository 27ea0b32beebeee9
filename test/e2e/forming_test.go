package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A mesh of three by script: init, two joins. The clock stops when every node
// is alive in every list at one revision.
func TestThreeNodesFormByScript(t *testing.T) {
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	begun := time.Now()
	nodes[0].Found()
	nodes[1].Join(nodes[0])
	nodes[2].Join(nodes[0])
	realmesh.Formed(t, 10*time.Second, nodes...)
	took := time.Since(begun)
	realmesh.Took(t, 10*time.Second, took, "forming")
	realmesh.Eventually(t, 20*time.Second, "three voters", func() error { return voters(nodes[2], 3) })
	t.Logf("formed in %s, three voters after %s", took.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond))
	says(t, nodes[1].Log(), "matches the token", "alpha reaches this node", "admitted as beta", "has seen this node alive", "caught up to revision", "not a voter", "joined mesh")
	if log := nodes[2].Log(); !strings.Contains(log, "voter: one of 3") {
		t.Logf("the third node was not a voter when it said joined:\n%s", lastLines(log, 8))
	}

	realmesh.Eventually(t, 10*time.Second, "one loss is tolerated", func() error {
		s, err := nodes[1].Status()
		if err != nil || s.FailuresTolerated != 1 || s.Copies != 2 || s.State != "ok" {
			return fmt.Errorf("%+v %w", s, err)
		}
		return nil
	})
	for _, n := range nodes {
		stop(t, n)
	}
}

// The leader calls a newcomer before that one has been told who belongs; its log
// does not make trouble of it.
func TestTwoThatJoinAtOnceAlarmNobody(t *testing.T) {
	t.Parallel()
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	nodes[0].Found()
	for _, n := range nodes[1:] {
		n.Start("join", nodes[0].Token())
	}
	for _, n := range nodes[1:] {
		n.WaitServing()
	}
	realmesh.Formed(t, 30*time.Second, nodes...)
	for _, n := range nodes {
		for line := range strings.Lines(n.Log()) {
			if strings.Contains(line, "not a member") {
				t.Errorf("%s says: %s", n.Name, line)
			}
		}
	}
}

func voters(at *realmesh.Node, want int) error {
	members, err := at.Members()
	if err != nil {
		return err
	}
	got := 0
	for _, m := range members {
		if m.Role == "voter" {
			got++
		}
	}
	if got != want {
		return fmt.Errorf("%d voters, want %d", got, want)
	}
	return nil
}

var readyAfter = regexp.MustCompile(`"ready_ms":(\d+)`)

// How soon a single node serves and leads after a restart, printed.
func TestSoleVoterStartsQuickly(t *testing.T) {
	n := realmesh.New(t, "solo")
	n.Found()
	stop(t, n)
	begun := time.Now()
	n.Start("serve")
	n.WaitServing()
	answered := time.Since(begun)
	leaderOf(t, n)
	led := time.Since(begun)
	ready := readyAfter.FindStringSubmatch(n.LastLog())
	if ready == nil {
		t.Fatalf("the log does not say when it was ready:\n%s", n.LastLog())
	}
	t.Logf("ready %s ms after its start by its own clock; first answer after %s, leading seen after %s (both with a CLI process each)",
		ready[1], answered.Round(time.Millisecond), led.Round(time.Millisecond))
	realmesh.Took(t, 5*time.Second, led, "the start of a sole voter")
}

func TestSecondHostOfOneNameIsRenamedAloud(t *testing.T) {
	t.Parallel()
	a, b, c := realmesh.New(t, "office"), realmesh.New(t, "office"), realmesh.New(t, "office")
	a.Found()
	b.Join(a)
	c.Join(a)
	says(t, b.Log(), "admitted as office-2", "another member is called office already")
	says(t, c.Log(), "admitted as office-3")
	for _, n := range []string{"office", "office-2", "office-3"} {
		if _, ok, err := member(a, n); !ok {
			t.Errorf("no %s in the list: %v", n, err)
		}
	}
	// The name is the mesh's: it stays after a restart with the old --name.
	stop(t, b)
	b.Start("serve", "--name", "office")
	b.WaitServing()
	if s, err := b.Status(); err != nil || s.Node.Name != "office-2" {
		t.Errorf("after a restart it is called %q (%v)", s.Node.Name, err)
	}
}

func TestSecondMeshdOnOneDirectoryIsRefused(t *testing.T) {
	n := realmesh.New(t, "solo")
	n.Found()
	for _, verb := range []string{"serve", "init", "recover", "reset"} {
		args := []string{verb, "--data", n.Data}
		switch verb {
		case "serve", "init":
			args = append(args, "--listen", realmesh.FreeAddress(t))
		default:
			args = append(args, "--yes")
		}
		r := realmesh.Command(t, "", args...)
		if r.Code == done {
			t.Errorf("%s works on a directory in use", verb)
		}
		says(t, r.Stderr, n.Data)
		if !strings.Contains(r.Stderr, "use") && !strings.Contains(r.Stderr, "runs") && !strings.Contains(r.Stderr, "another") {
			t.Errorf("%s does not say that another meshd has the directory: %s", verb, r.Stderr)
		}
	}
	if _, err := n.Status(); err != nil {
		t.Errorf("the first one was disturbed: %v", err)
	}
}

func TestPortInUseIsSaidWithTheFlag(t *testing.T) {
	n := realmesh.New(t, "solo")
	n.Found()
	r := realmesh.Command(t, "", "init", "--data", filepath.Join(t.TempDir(), "other"), "--listen", n.Address)
	wantExit(t, r, failed, "port in use", n.Address, "--listen")
	if strings.Count(strings.TrimSpace(r.Stderr), "\n") != 0 {
		t.Errorf("more than a sentence: %s", r.Stderr)
	}
}

func TestVerbTypedAgainServes(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	token := a.Token("--uses", "5")
	b.Start("join", token)
	b.WaitServing()
	before, err := b.Status()
	if err != nil {
		t.Fatal(err)
	}

	// A reboot, and the same lines typed again.
	stop(t, b)
	b.Start("join", token)
	b.WaitServing()
	after, err := b.Status()
	if err != nil || after.Node.ID != before.Node.ID || after.Node.Name != "beta" {
		t.Errorf("join typed again made another node: %+v, before %+v (%v)", after.Node, before.Node, err)
	}
	var keys []struct{ ID string }
	a.JSON(&keys, "apikey", "list")
	for _, k := range keys {
		a.Must("apikey", "revoke", k.ID)
	}
	stop(t, a)
	a.Start("init", "--mesh-name", "another")
	a.WaitServing()
	says(t, a.LastLog(), "already belongs to mesh", "--mesh-name names a new one only", "meshd apikey create --role admin")
	if s, err := a.Status(); err != nil || s.MeshID != before.MeshID {
		t.Errorf("init typed again made another mesh: %v %v", s.MeshID, err)
	}
	realmesh.Formed(t, 30*time.Second, a, b)

	// With the token used up or revoked it still serves: it is a member.
	var tokens []struct{ ID, Name string }
	a.JSON(&tokens, "token", "list")
	for _, tok := range tokens {
		a.Must("token", "revoke", tok.ID)
	}
	stop(t, b)
	b.Start("join", token)
	b.WaitServing()
}

func TestJoinInAnotherMeshsDirectoryIsRefused(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Found()
	token := a.Token()
	stop(t, b)
	b.Start("join", token)
	ends(t, b, refused, "already belongs to mesh", "meshd reset")
	// It was not harmed by the attempt.
	b.Start("serve")
	b.WaitServing()
}

func TestServeInAnEmptyDirectoryIsRefused(t *testing.T) {
	data := filepath.Join(t.TempDir(), "empty")
	r := realmesh.Command(t, "", "serve", "--data", data, "--listen", "127.0.0.1:0")
	wantExit(t, r, refused, "belongs to no mesh yet", "meshd init", "meshd join")
	if entries, _ := os.ReadDir(data); len(entries) != 0 {
		t.Errorf("it left %v behind", entries)
	}
}

// One line for containers: the first start founds or joins, every later one
// serves.
func TestContainerFormsAreIdempotent(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Env = []string{"MESHD_INIT=true", "MESHD_NAME=alpha", "MESHD_MESH_NAME=boxes"}
	a.Start("serve")
	a.WaitServing()
	first, err := a.Status()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(a.Token()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Env = []string{"MESHD_JOIN_TOKEN_FILE=" + file, "MESHD_NAME=beta"}
	b.Start("serve")
	b.WaitServing()
	realmesh.Formed(t, 20*time.Second, a, b)
	joined, err := b.Status()
	if err != nil {
		t.Fatal(err)
	}

	for _, n := range []*realmesh.Node{a, b} {
		n.Kill()
		n.Start("serve")
		n.WaitServing()
	}
	realmesh.Formed(t, 30*time.Second, a, b)
	for n, was := range map[*realmesh.Node]realmesh.Status{a: first, b: joined} {
		s, err := n.Status()
		if err != nil || s.MeshID != was.MeshID || s.Node.ID != was.Node.ID {
			t.Errorf("%s became %+v, was %+v (%v)", n.Name, s.Node, was.Node, err)
		}
	}

	// A secret that is gone after the first start harms nobody.
	stop(t, b)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	b.Start("serve")
	b.WaitServing()
}

func TestUnreachableNewcomerIsRefusedWithTheFirewall(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	// What a firewall does to the newcomer, loopback cannot show; an address at
	// which nobody is does the same to the node that dials back. The port it
	// really listens on must not be reachable either: it is, here, so it is
	// bound to another loopback address than the one it comes from.
	nobody := realmesh.FreeAddress(t)
	b.Address = strings.Replace(b.Address, "127.0.0.1", "127.0.0.2", 1)
	b.Start("join", a.Token("--uses", "2"), "--advertise", nobody)
	ends(t, b, refused, "cannot dial", nobody, "firewall", "--advertise")
	if _, ok, _ := member(a, "beta"); ok {
		t.Error("it is a member all the same")
	}
	// Nothing was used up or left behind: the same line with the right address
	// works.
	b.Start("join", a.Token(), "--advertise", b.Address)
	b.WaitServing()
}

func TestEdgeRoleIsRefusedWithASentence(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Start("join", a.Token(), "--role", "edge")
	ends(t, b, refused, "edge")
	if r := a.Run("token", "create", "--role", "edge"); r.Code != usage && r.Code != refused {
		t.Errorf("a token for edge nodes: exit %d", r.Code)
	} else {
		says(t, r.Stderr, "edge", "not supported")
	}
	b.Start("join", a.Token(), "--role", "queen")
	if code := b.WaitExit(20 * time.Second); code != usage && code != refused {
		t.Errorf("a role that does not exist: exit %d:\n%s", code, b.LastLog())
	}
}

func TestNoVoteIsKept(t *testing.T) {
	t.Parallel()
	a, b, c := realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")
	a.Found()
	b.Join(a)
	c.Start("join", a.Token(), "--no-vote")
	c.WaitServing()
	realmesh.Eventually(t, 10*time.Second, "it joins", func() error {
		if !strings.Contains(c.Log(), "joined mesh") {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	says(t, c.Log(), "not a voter, as asked")
	m, _, err := member(a, "gamma")
	if err != nil || m.Role != "nonvoter" {
		t.Errorf("%+v %v", m, err)
	}
	if err := voters(a, 1); err != nil {
		t.Error(err)
	}
	// It takes writes all the same.
	c.Token()
}

// A join that was broken off after the mesh had admitted the node had forgotten
// where it was to listen: "meshd serve" alone brought up another address.
func TestJoinBrokenOffRemembersItsAddress(t *testing.T) {
	first, second := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	first.Found()
	advertised := "localhost:" + strings.Split(second.Address, ":")[1]
	second.Start("join", first.Token(), "--advertise", advertised)
	realmesh.Eventually(t, 15*time.Second, "beta is admitted", func() error {
		_, err := os.Stat(filepath.Join(second.Data, "meshd.toml"))
		return err
	})
	second.Kill()
	shown := second.Must("config", "show")
	for _, want := range []string{second.Address, advertised} {
		if !strings.Contains(shown, want) {
			t.Errorf("%s is not remembered:\n%s", want, shown)
		}
	}
	second.Start("serve")
	second.WaitServing()
}
