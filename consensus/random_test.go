package consensus

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Most of the time these tests wait, for an election or a patience: more of them
// at once than the machine has processors, but not where the race detector makes
// them work.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given && !testing.Short() {
		_ = flag.Set("test.parallel", "4")
	}
	goleak.VerifyTestMain(m)
}

// Whatever is killed in whatever order while clients write, the nodes end with
// the same state, nothing acknowledged is lost and nothing is applied twice.
func TestRandomKillsEndInOneState(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	_, _, nodes := mesh(t, 3, func(c *Config) {
		c.hooks.snapBytes = 32 << 10
		c.hooks.otherBoot = rng.IntN(2) == 0
	})
	var mu sync.Mutex // guards node.Group against kill
	down := map[*node]bool{}
	acked, unknown := make([]int, 4), make([]int, 4)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				mu.Lock()
				x := nodes[(client+i)%3]
				dead := down[x]
				var g *Group
				if !dead {
					x.net.mu.Lock()
					g = x.Group
					x.net.mu.Unlock()
				}
				mu.Unlock()
				if dead || g == nil {
					continue
				}
				body := fmt.Sprintf("add c%d", client)
				if i%5 == 0 {
					body = fmt.Sprintf("big b%d %s", i%7, strings.Repeat("z", 2000))
				}
				ctx, cancel := contextFor(3 * time.Second)
				_, err := g.Propose(ctx, Proposal{Part: "kv", Body: []byte(body)})
				cancel()
				switch {
				case i%5 == 0:
				case err == nil:
					acked[client]++
				default:
					unknown[client]++
				}
			}
		})
	}
	for range 6 {
		<-time.After(time.Duration(100+rng.IntN(300)) * time.Millisecond)
		victims := rng.Perm(3)[:1+rng.IntN(3)]
		for _, v := range victims {
			mu.Lock()
			down[nodes[v]] = true
			mu.Unlock()
			nodes[v].kill()
		}
		for _, v := range victims {
			nodes[v].open()
			mu.Lock()
			down[nodes[v]] = false
			mu.Unlock()
		}
	}
	close(stop)
	clients.Wait()
	nodes[0].do(t, "set end 1")
	same(t, nodes)
	for client := range 4 {
		var n [8]byte
		copy(n[:], nodes[0].get(t, ReadOptions{}, fmt.Sprintf("c%d", client)))
		have := int(binary.BigEndian.Uint64(n[:]))
		if have < acked[client] || have > acked[client]+unknown[client] {
			t.Errorf("client %d: %d acknowledged, %d unknown, the state has %d", client, acked[client], unknown[client], have)
		}
	}
	t.Logf("acknowledged %v, failed or unknown %v, revision %d", acked, unknown, nodes[0].Status().Revision-0)
}

// Elections are invisible to a proposer that can wait: it is told of no error
// and its commands are applied once.
func TestProposalsOutliveLeaders(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, nil)
	var clients sync.WaitGroup
	stop := make(chan struct{})
	var mu sync.Mutex
	total := 0
	for client := range 6 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := nodes[client%3].within(time.Minute, "add n"); err != nil {
					t.Errorf("client %d: %v", client, err)
					return
				}
				mu.Lock()
				total++
				mu.Unlock()
			}
		})
	}
	for range 4 {
		<-time.After(150 * time.Millisecond)
		ctx, cancel := contextFor(2 * time.Second)
		_ = leaderOf(t, nodes).TransferLeadership(ctx) // may come too early, try again
		cancel()
	}
	close(stop)
	clients.Wait()
	same(t, nodes)
	v := nodes[0].get(t, ReadOptions{Consistency: Linearizable}, "n")
	if have := int(binary.BigEndian.Uint64([]byte(v))); have != total {
		t.Fatalf("%d acknowledged, the state has %d", total, have)
	}
}

// Peers that take connections and never answer do not hold up the end.
func TestCloseWithHangingPeers(t *testing.T) {
	t.Parallel()
	nw, _, nodes := mesh(t, 3, nil)
	leader := leaderOf(t, nodes)
	nw.split([]*node{leader}, others(nodes, leader))
	pending := make(chan error, 1)
	go func() {
		_, err := leader.try("set k 1")
		pending <- err
	}()
	eventually(t, time.Second, "the proposal waits", func() bool { return leader.outbox.size() > 0 })
	start := time.Now()
	leader.stop()
	took(t, 8*time.Second, start, "closing")
	if err := <-pending; err == nil {
		t.Error("a proposal without a majority was acknowledged")
	}
}

func TestSeatMoveAndReplacement(t *testing.T) {
	t.Parallel()
	nw, r, nodes := mesh(t, 2, nil)
	first := nodes[0]
	first.do(t, "set k 1")
	r.set(Replica{RaftID: first.id, Leaving: true}, Replica{RaftID: nodes[1].id})
	first.Kick()
	eventually(t, 10*time.Second, "the other is the only voter and leads", func() bool {
		s := nodes[1].Status()
		return s.State == "leader" && len(s.Voters) == 1 && s.Voters[0] == nodes[1].id && len(s.Nonvoters) == 0
	})
	if v := nodes[1].get(t, ReadOptions{Consistency: Linearizable}, "k"); v != "1" {
		t.Fatalf("read %q", v)
	}
	first.stop()

	// Three more, then a voter dies and a spare takes its seat.
	list := []Replica{{RaftID: nodes[1].id}}
	live := []*node{nodes[1]}
	for range 3 {
		x := nw.add(t, t.TempDir(), func(c *Config) { c.Replicas = r.get })
		live = append(live, x)
		list = append(list, Replica{RaftID: x.id})
	}
	r.set(list...)
	eventually(t, 10*time.Second, "three voters", func() bool { return len(nodes[1].Status().Voters) == 3 })
	var dead *node
	for _, id := range nodes[1].Status().Voters {
		for _, x := range live[1:] {
			if x.id == id {
				dead = x
			}
		}
	}
	nodes[1].do(t, "set k 2")
	dead.kill()
	eventually(t, 15*time.Second, "the spare has the seat", func() bool {
		s := leaderOf(t, others(live, dead)).Status()
		for _, id := range s.Voters {
			if id == dead.id {
				return false
			}
		}
		return len(s.Voters) == 3
	})
	dead.open()
	same(t, live)
}
