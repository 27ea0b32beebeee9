package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/test/realmesh"
)

// watch asks all nodes all the time who they think they are, and remembers when
// two have led one mesh in one term.
func watch(t testing.TB, nodes ...*realmesh.Node) (end func()) {
	type reign struct {
		mesh string
		term uint64
	}
	var (
		mu   sync.Mutex
		led  = map[reign]string{}
		bad  []string
		stop = make(chan struct{})
		done sync.WaitGroup
	)
	for _, n := range nodes {
		done.Go(func() {
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
				}
				s, err := n.On(t).Status()
				if err != nil || s.Leader == nil || s.Leader.ID != s.Node.ID {
					continue
				}
				mu.Lock()
				r := reign{s.MeshID, s.Term}
				if was, ok := led[r]; ok && was != s.Node.ID {
					bad = append(bad, fmt.Sprintf("%s and %s both led in term %d", was, s.Node.ID, s.Term))
				}
				led[r] = s.Node.ID
				mu.Unlock()
			}
		})
	}
	return func() {
		close(stop)
		done.Wait()
		for _, b := range bad {
			t.Error(b)
		}
	}
}

// The replica of a node is lost, its identity is not: it comes back as the
// member it was, with a new seat, and fetches what the others have.
func TestF9LostReplicaComesBackAsTheSameNode(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	n := others(nodes, leader)[0]
	was := mustStatus(t, n)
	l := newLedger(t, "f9", nodes...)
	l.start(2, 9)
	l.more(20, 20*time.Second)
	n.Kill()
	if err := os.RemoveAll(filepath.Join(n.Data, "raft")); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	n.WaitServing()
	says(t, n.LastLog(), "takes a new seat")
	realmesh.Alive(t, 60*time.Second, nodes...)
	if s := mustStatus(t, n); s.Node.ID != was.Node.ID || s.Node.Name != was.Node.Name {
		t.Errorf("it came back as %+v, was %+v", s.Node, was.Node)
	}
	realmesh.Eventually(t, 60*time.Second, "three voters again", func() error { return voters(leader, 3) })
	l.more(10, 20*time.Second)
	l.finish(nodes...)
}

// Nothing is left of a node: it is nobody, and joins as somebody new.
func TestF9LostDirectoryMustJoinAnew(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	n := nodes[2]
	was := mustStatus(t, n)
	n.Kill()
	if err := os.RemoveAll(n.Data); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	ends(t, n, refused, "belongs to no mesh yet")
	n.Start("join", nodes[0].Token())
	n.WaitServing()
	s := mustStatus(t, n)
	if s.Node.ID == was.Node.ID {
		t.Error("it has its old id without its old key")
	}
	if s.Node.Name != "gamma-2" {
		t.Errorf("it is called %q beside the one that is lost", s.Node.Name)
	}
	nodes[0].Must("remove", was.Node.ID, "--yes")
	realmesh.Formed(t, 60*time.Second, nodes...)
	realmesh.Eventually(t, 60*time.Second, "three voters again", func() error { return voters(nodes[0], 3) })
}

// Two people type init at once: two meshes, which never mix.
func TestF10TwoInitsAreTwoMeshes(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Start("init")
	b.Start("init")
	a.WaitServing()
	b.WaitServing()
	sa, sb := mustStatus(t, a), mustStatus(t, b)
	if sa.MeshID == sb.MeshID {
		t.Fatal("one mesh id was made twice")
	}
	ta, tb := a.Token(), b.Token()
	stop(t, a)
	a.Start("join", tb)
	ends(t, a, refused, "already belongs to mesh")
	stop(t, b)
	b.Start("join", ta)
	ends(t, b, refused, "already belongs to mesh")
	// Each at the other's address: the pins tell them apart.
	a.Address, b.Address = b.Address, a.Address
	a.Start("serve")
	b.Start("serve")
	a.WaitServing()
	b.WaitServing()
	for n, want := range map[*realmesh.Node]string{a: sa.MeshID, b: sb.MeshID} {
		s := mustStatus(t, n)
		members, err := n.Members()
		if err != nil || s.MeshID != want || len(members) != 1 {
			t.Errorf("%s: mesh %s with %d members (%v)", n.Name, s.MeshID, len(members), err)
		}
	}
}

// All nodes restart at once with each other's old addresses: no two ever lead
// one mesh in one term, and they find each other.
func TestF10AllRestartWithStaleAddresses(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	end := watch(t, nodes...)
	l := newLedger(t, "f10", nodes...)
	l.start(2, 10)
	l.more(10, 20*time.Second)
	l.pause()
	for _, n := range nodes {
		n.Kill()
	}
	// Two are where the other is expected; one is where it was.
	nodes[0].Address, nodes[1].Address = nodes[1].Address, nodes[0].Address
	for _, n := range nodes {
		n.Start("serve")
	}
	for _, n := range nodes {
		n.WaitServing()
	}
	realmesh.Formed(t, 60*time.Second, nodes...)
	end()
	l.finish(nodes...)
}

// One node after the other moves to another port, as machines with leased
// addresses do; the mesh follows without help. In the place of the last one
// stands a stranger's node.
func TestF13RollingRestartWithNewAddresses(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	end := watch(t, nodes...)
	old := nodes[2].Address
	for _, n := range nodes {
		stop(t, n)
		n.Address = realmesh.FreeAddress(t)
		n.Start("serve")
		n.WaitServing()
		realmesh.Formed(t, 40*time.Second, nodes...)
		nodes[0].Must("graph", "add", "node", "note", "moved "+n.Name)
		for _, at := range nodes {
			realmesh.Eventually(t, 20*time.Second, at.Name+" lists where "+n.Name+" is", func() error {
				m, _, err := member(at, n.Name)
				if err == nil && m.Address != n.Address {
					err = fmt.Errorf("at %s, it is at %s", m.Address, n.Address)
				}
				return err
			})
		}
	}
	foreign := realmesh.New(t, "foreign")
	foreign.Address = old
	foreign.Found()
	stop(t, nodes[2])
	nodes[2].Start("serve")
	nodes[2].WaitServing()
	realmesh.Formed(t, 40*time.Second, nodes...)
	if members, err := foreign.Members(); err != nil || len(members) != 1 {
		t.Errorf("the stranger's mesh has %d members (%v)", len(members), err)
	}
	end()
}

// Every address changed at once, so that nobody knows anybody's: one hint each
// is enough.
func TestF13EveryAddressChangedIsHealedByPeer(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	nodes[0].Must("graph", "add", "node", "note", "before", "key=before")
	for _, n := range nodes {
		stop(t, n)
		n.Address = realmesh.FreeAddress(t)
	}
	nodes[0].Start("serve")
	nodes[1].Start("serve", "--peer", nodes[0].Address)
	nodes[2].Start("serve", "--peer", nodes[0].Address)
	for _, n := range nodes {
		n.WaitServing()
	}
	realmesh.Formed(t, 60*time.Second, nodes...)
	nodes[2].Must("graph", "get", "before")
	nodes[2].Must("graph", "add", "node", "note", "after", "key=after")
	// The hint is needed once: until every node has the new addresses on its disk.
	for _, at := range nodes {
		realmesh.Eventually(t, 60*time.Second, at.Name+" keeps the new addresses", func() error {
			trust, err := roster.ReadTrust(at.Data)
			if err != nil {
				return err
			}
			kept := fmt.Sprint(trust.Members)
			for _, n := range nodes {
				if !strings.Contains(kept, n.Address) {
					return fmt.Errorf("it does not know %s", n.Address)
				}
			}
			return nil
		})
	}
	for _, n := range nodes {
		n.Kill()
	}
	for _, n := range nodes {
		n.Start("serve")
	}
	for _, n := range nodes {
		n.WaitServing()
	}
	realmesh.Formed(t, 60*time.Second, nodes...)
	realmesh.Eventually(t, 60*time.Second, "beta has what was added", func() error {
		if r := nodes[1].Run("graph", "get", "after"); !strings.Contains(r.Stdout, "after") {
			return fmt.Errorf("exit %d: %s", r.Code, r.Stderr)
		}
		return nil
	})
}

// A node whose state is older than the mesh's does not know the newer keys. It
// says that it is behind, and does not call a good credential bad.
func TestANodeThatIsBehindDoesNotRefuseGoodCredentials(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	_, key := nodes[0].APIKey("user")
	n := others(nodes, leaderOf(t, nodes...))[0]
	rest := others(nodes, n)
	for _, other := range nodes {
		other.Kill()
	}
	if err := os.RemoveAll(filepath.Join(n.Data, "raft")); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	n.WaitServing()
	for credential, want := range map[string]int{key: http.StatusServiceUnavailable, "": http.StatusUnauthorized} {
		a, err := n.Client(credential).Ask(http.MethodGet, "/graph/nodes/1", nil)
		if err != nil || a.Status != want || (want == http.StatusServiceUnavailable && a.Code() != "BEHIND") {
			t.Errorf("alone, with a credential (%v): %v %v, want %d", credential != "", a, err, want)
		}
	}
	for _, other := range rest {
		other.Start("serve")
	}
	realmesh.Alive(t, 60*time.Second, nodes...)
	realmesh.Eventually(t, 30*time.Second, "the key is known", func() error {
		if a, err := n.Client(key).Ask(http.MethodGet, "/graph/nodes/1", nil); err != nil || a.Status != http.StatusNotFound {
			return fmt.Errorf("%s %w", a, err)
		}
		return nil
	})
	realmesh.Eventually(t, 30*time.Second, "the state is whole, and a bad credential refused", func() error {
		a, err := n.Client(key+"x").Ask(http.MethodGet, "/graph/nodes/1", nil)
		if err != nil || a.Status != http.StatusUnauthorized {
			return fmt.Errorf("%s %w", a, err)
		}
		return nil
	})
}
