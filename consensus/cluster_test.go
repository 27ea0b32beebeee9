package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kv is a small part for tests. Bodies: "set k v", "add k n", "no", "panic",
// "other".
type kv struct {
	mu        sync.Mutex
	committed int
	resets    int
	last      uint64
	own       string // what "own k" sets
}

// quiet is the part without its observer.
type quiet struct{ p *kv }

func (q quiet) Name() string                              { return q.p.Name() }
func (q quiet) Tables() []Table                           { return q.p.Tables() }
func (q quiet) Apply(w Writer, c Command) ([]byte, error) { return q.p.Apply(w, c) }

const kvTable Table = "kv/t"

func (*kv) Name() string    { return "kv" }
func (*kv) Tables() []Table { return []Table{kvTable} }

func (p *kv) Apply(w Writer, c Command) ([]byte, error) {
	words := append(strings.Fields(string(c.Body)), "", "", "")
	verb, k, v := words[0], words[1], words[2]
	switch verb {
	case "set":
		w.Put(kvTable, []byte(k), []byte(v))
		return []byte(v), nil
	case "add": // not idempotent on purpose
		var n [8]byte
		copy(n[:], w.Get(kvTable, []byte(k)))
		binary.BigEndian.PutUint64(n[:], binary.BigEndian.Uint64(n[:])+1)
		w.Put(kvTable, []byte(k), n[:])
		return n[:], nil
	case "del":
		w.Delete(kvTable, []byte(k))
		return nil, nil
	case "big":
		w.Put(kvTable, []byte(k), c.Body)
		return nil, nil
	case "no":
		w.Put(kvTable, []byte(k), []byte("trace"))
		return nil, Refuse("NO", "no")
	case "panic":
		w.Put(kvTable, []byte(k), []byte("trace"))
		panic("poison")
	case "other":
		w.Put("elsewhere/t", []byte("k"), nil)
		return nil, nil
	case "own":
		p.mu.Lock()
		defer p.mu.Unlock()
		w.Put(kvTable, []byte(k), []byte(p.own))
		return nil, nil
	case "cat":
		w.Put(kvTable, []byte(k), append(slices.Clone(w.Get(kvTable, []byte(k))), '+'))
		return nil, nil
	case "scan":
		n := 0
		for range w.Scan(kvTable, nil, nil) {
			n++
		}
		return []byte(fmt.Sprint(n)), nil
	case "read":
		return slices.Clone(w.Get(kvTable, []byte(k))), nil
	}
	return nil, errors.New("unknown verb")
}

func (p *kv) Committed(r Reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed++
	p.last = r.Revision()
}

func (p *kv) Reset(r Reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resets++
	p.last = r.Revision()
}

// testNet connects nodes in one process by loopback TCP; links can be cut.
type testNet struct {
	mu    sync.Mutex
	nodes map[string]*node
	cut   map[[2]string]bool
	conns map[net.Conn][2]string
	// differ says that a test has made the states differ on purpose.
	differ bool
}

func newTestNet() *testNet {
	return &testNet{nodes: map[string]*node{}, cut: map[[2]string]bool{}, conns: map[net.Conn][2]string{}}
}

var errCut = errors.New("the link is cut")

func (n *testNet) dial(ctx context.Context, from, to string) (net.Conn, error) {
	n.mu.Lock()
	target := n.nodes[to]
	cut := n.cut[[2]string{from, to}]
	n.mu.Unlock()
	if target == nil || cut {
		return nil, errCut
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", target.addr)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut[[2]string{from, to}] { // meanwhile
		c.Close()
		return nil, errCut
	}
	n.conns[c] = [2]string{from, to}
	return c, nil
}

// split cuts every link between the two sides, both ways.
func (n *testNet) split(a, b []*node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, x := range a {
		for _, y := range b {
			n.cut[[2]string{x.id, y.id}] = true
			n.cut[[2]string{y.id, x.id}] = true
		}
	}
	for c, ends := range n.conns {
		if n.cut[ends] {
			c.Close()
			delete(n.conns, c)
		}
	}
}

func (n *testNet) heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
}

type peers struct {
	net  *testNet
	from string
}

func (p peers) Call(ctx context.Context, id, method string, body []byte) ([]byte, error) {
	p.net.mu.Lock()
	target := p.net.nodes[id]
	cut := p.net.cut[[2]string{p.from, id}]
	var g *Group
	if target != nil {
		g = target.Group
	}
	p.net.mu.Unlock()
	if g == nil || cut {
		<-ctx.Done() // a black hole
		return nil, ctx.Err()
	}
	return g.HandleCall(ctx, p.from, method, slices.Clone(body))
}

type node struct {
	*Group
	t      testing.TB
	net    *testNet
	id     string
	dir    string
	addr   string
	part   *kv
	opened int
	dirty  *atomic.Bool
	cfg    func(*Config)
}

// roster is what the nodes of a test want.
type roster struct {
	mu   sync.Mutex
	list []Replica
}

func (r *roster) get() []Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list)
}

func (r *roster) set(list ...Replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = list
}

func (r *roster) update(fn func([]Replica) []Replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = fn(r.list)
}

func testLogger(t testing.TB) *slog.Logger {
	if os.Getenv("CONSENSUS_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (n *testNet) add(t testing.TB, dir string, cfg func(*Config)) *node {
	t.Helper()
	id, _, err := EnsureID(dir)
	if err != nil {
		t.Fatal(err)
	}
	x := &node{t: t, net: n, id: id, dir: dir, cfg: cfg, opened: len(n.nodes)}
	x.open()
	t.Cleanup(func() {
		if x.Group != nil {
			x.stop()
		}
	})
	return x
}

func (x *node) open() {
	x.t.Helper()
	if err := x.tryOpen(); err != nil {
		x.t.Fatal(err)
	}
}

func (x *node) tryOpen() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	x.part, x.dirty = &kv{}, &atomic.Bool{}
	c := Config{
		Dir: x.dir, Parts: []Part{x.part}, Listener: l, Logger: testLogger(x.t).With("node", x.id[:4]),
		Dial:             func(ctx context.Context, id string) (net.Conn, error) { return x.net.dial(ctx, x.id, id) },
		Peers:            peers{x.net, x.id},
		HeartbeatTimeout: 150 * time.Millisecond, ElectionTimeout: 150 * time.Millisecond, LeaderLeaseTimeout: 100 * time.Millisecond,
		hooks: hooks{dirty: x.dirty, health: healthTimes{grow: 20 * time.Millisecond, replace: time.Second, undo: 5 * time.Second}},
	}
	// A part that somebody observes has its entries committed one by one; every
	// second opening leaves the transaction open.
	if x.opened++; x.opened%2 == 1 && x.opened > 0 {
		c.Parts = []Part{quiet{x.part}}
	}
	if x.cfg != nil {
		x.cfg(&c)
	}
	g, err := Open(c)
	if err != nil {
		l.Close()
		return err
	}
	x.net.mu.Lock()
	defer x.net.mu.Unlock()
	x.addr, x.Group = l.Addr().String(), g
	x.net.nodes[x.id] = x
	return nil
}

func (x *node) stop() {
	x.t.Helper()
	x.net.mu.Lock()
	g := x.Group
	x.Group = nil
	delete(x.net.nodes, x.id)
	x.net.mu.Unlock()
	if err := g.Close(); err != nil {
		x.t.Errorf("closing: %v", err)
	}
}

// kill is a process that died: no hand-over, no clean mark.
func (x *node) kill() {
	x.dirty.Store(true)
	x.stop()
}

func one(t testing.TB, cfg func(*Config)) *node {
	t.Helper()
	dir := t.TempDir()
	if err := Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	return newTestNet().add(t, dir, cfg)
}

// steady lets a leader lead on where the machine is busy: an election in the middle
// is not what the test is about. The first leader needs no election.
func steady(c *Config) {
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 30*time.Second, 30*time.Second, 30*time.Second
}

// mesh makes n nodes of which up to three are voters.
func mesh(t testing.TB, n int, cfg func(*Config)) (*testNet, *roster, []*node) {
	t.Helper()
	nw, r := newTestNet(), &roster{}
	with := func(c *Config) {
		c.Replicas = r.get
		if cfg != nil {
			cfg(c)
		}
	}
	var nodes []*node
	for i := range n {
		dir := t.TempDir()
		if i == 0 {
			if err := Bootstrap(dir); err != nil {
				t.Fatal(err)
			}
		}
		x := nw.add(t, dir, with)
		nodes = append(nodes, x)
		r.update(func(l []Replica) []Replica { return append(l, Replica{RaftID: x.id}) })
	}
	nodes[0].Kick()
	want := 1
	if n >= 3 {
		want = 3
	}
	eventually(t, 10*time.Second, "the voters are complete", func() bool {
		for _, x := range nodes {
			s := x.Status()
			if len(s.Voters) != want || len(s.Voters)+len(s.Nonvoters) != n || s.LeaderID == "" {
				return false
			}
		}
		return true
	})
	// Registered last, so that it comes before the nodes are stopped.
	t.Cleanup(func() { nw.agree(t) })
	return nw, r, nodes
}

// agree ends every test of several nodes (F24): with all links healed, those
// that run and belong together reach one revision, and there they have the same
// rolling hash and the same content of every table, consensus' own included.
func (n *testNet) agree(t testing.TB) {
	t.Helper()
	n.heal()
	n.mu.Lock()
	var up []*node
	for _, x := range n.nodes {
		if x.Group != nil && x.machine.broken() == nil {
			up = append(up, x)
		}
	}
	differ := n.differ
	n.mu.Unlock()
	if t.Failed() || differ || len(up) < 2 {
		return
	}
	deadline := time.Now().Add(15 * time.Second)
	for {
		byIndex, ahead, members := map[uint64]meta{}, uint64(0), map[string]bool{}
		for _, x := range up {
			if x.ready() {
				for _, s := range x.configuration() {
					members[string(s.ID)] = true
				}
			}
		}
		behind := 0
		for _, x := range up {
			m := x.machine.state()
			if other, ok := byIndex[m.Applied]; ok && other != m {
				t.Errorf("at entry %d a node has %+v and another %+v", m.Applied, other, m)
				return
			}
			byIndex[m.Applied] = m
			ahead = max(ahead, m.Applied)
		}
		for _, x := range up {
			if members[x.id] && x.machine.state().Applied < ahead {
				behind++
			}
		}
		if behind == 0 && len(members) > 0 {
			break
		}
		if time.Now().After(deadline) {
			if len(members) > 0 {
				t.Errorf("%d nodes do not come to entry %d", behind, ahead)
			}
			return // without a majority nobody goes on
		}
		<-time.After(10 * time.Millisecond)
	}
	hashes := map[[32]byte][]string{}
	applied := up[0].machine.state().Applied
	for _, x := range up {
		tx, err := x.machine.begin()
		if err != nil {
			t.Error(err)
			return
		}
		cur, err := readMeta(x.machine.tablesOf(tx, nil))
		if err != nil || cur.Applied != applied {
			tx.Rollback()
			continue
		}
		sum, err := x.machine.hashAll(tx)
		if err != nil {
			t.Errorf("hashing the state of %s: %v", x.id, err)
			return
		}
		hashes[sum] = append(hashes[sum], x.id)
	}
	if len(hashes) > 1 {
		t.Errorf("the content differs: %x", hashes)
	}
}

func eventually(t testing.TB, d time.Duration, what string, ok func() bool) {
	t.Helper()
	began := time.Now()
	deadline := time.After(max(d, time.Minute))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not in %s: %s", max(d, time.Minute), what)
		}
	}
	if took := time.Since(began); took > d {
		t.Logf("after %s, and %s is to be enough at rest: %s", took.Round(time.Millisecond), d, what)
	}
}

// took says what took longer than it does at most at rest, and fails where it was
// a minute at least.
func took(t testing.TB, d time.Duration, since time.Time, what string) {
	t.Helper()
	if took := time.Since(since); took > max(d, time.Minute) {
		t.Errorf("%s took %s", what, took)
	} else if took > d {
		t.Logf("%s took %s, and %s is to be enough at rest", what, took, d)
	}
}

// manyOpens leaves a test out of the short run, that of the race detector: it
// opens states by the hundred, and each shadows the mapping of its file.
func manyOpens(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("opens many states")
	}
}

func (x *node) do(t testing.TB, body string) Outcome {
	t.Helper()
	out, err := x.within(time.Minute, body)
	if err != nil {
		t.Fatalf("%.40s: %v (fault: %v)", body, err, x.machine.broken())
	}
	return out
}

func (x *node) try(body string) (Outcome, error) { return x.within(10*time.Second, body) }

func (x *node) within(d time.Duration, body string) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return x.Propose(ctx, Proposal{Part: "kv", Body: []byte(body)})
}

func (x *node) get(t testing.TB, o ReadOptions, key string) string {
	t.Helper()
	var v string
	var err error
	eventually(t, 10*time.Second, "there is a leader to ask for "+key, func() bool {
		v, err = x.read(o, key)
		return !errors.Is(err, ErrNoLeader) && !errors.Is(err, ErrBehind)
	})
	if err != nil {
		t.Fatalf("reading %s: %v", key, err)
	}
	return v
}

func (x *node) read(o ReadOptions, key string) (v string, err error) {
	_, err = x.View(context.Background(), o, func(r Reader) error {
		v = string(r.Get(kvTable, []byte(key)))
		return nil
	})
	return v, err
}

func leaderOf(t testing.TB, nodes []*node) *node {
	t.Helper()
	var l *node
	eventually(t, 10*time.Second, "there is a leader", func() bool {
		for _, x := range nodes {
			if x.Group != nil && x.ready() {
				l = x
				return true
			}
		}
		return false
	})
	return l
}

// same waits until all nodes have applied the same and have the same hash.
func same(t testing.TB, nodes []*node) {
	t.Helper()
	var last []string
	deadline := time.Now().Add(time.Minute)
	for {
		last = last[:0]
		for _, x := range nodes {
			s := x.machine.state()
			last = append(last, fmt.Sprintf("rev %d hash %x time %d", s.Revision, s.Hash[:4], s.Time))
		}
		equal := true
		for _, l := range last {
			equal = equal && l == last[0]
		}
		if equal {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nodes differ: %v", last)
		}
		<-time.After(5 * time.Millisecond)
	}
	var dumps []string
	for _, x := range nodes {
		dumps = append(dumps, dump(t, x))
	}
	for i := range dumps {
		if dumps[i] != dumps[0] {
			t.Fatalf("content of node %d differs:\n%s\n%s", i, dumps[i], dumps[0])
		}
	}
}

func dump(t testing.TB, x *node) (out string) {
	t.Helper()
	if _, err := x.machine.view(func(r Reader) error {
		for k, v := range r.Scan(kvTable, nil, nil) {
			out += fmt.Sprintf("%s=%x;", k, v)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
