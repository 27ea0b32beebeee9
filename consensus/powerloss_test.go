package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// powered are nodes on disks that lose their power.
type powered struct {
	t     *testing.T
	nodes []*node
	disks map[*node]*power
	steps map[*node]*stepper
	mu    sync.Mutex
	up    map[*node]*Group

	acked, unknown [3]int
}

// stepper ends a node at a named point.
type stepper struct {
	mu    sync.Mutex
	at    string
	skip  int // passes before it
	disk  *power
	fired bool
}

func (s *stepper) step(point string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk.isOff() {
		return errPower
	}
	if point == s.at && s.skip > 0 {
		s.skip--
	} else if point == s.at {
		s.at, s.fired = "", true
		s.disk.cut()
		return errPower
	}
	return nil
}

func (s *stepper) arm(point string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.fired = point, false
}

func (s *stepper) hit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired
}

func poweredMesh(t *testing.T, n int, seed, snapBytes uint64) *powered {
	t.Helper()
	p := &powered{t: t, disks: map[*node]*power{}, steps: map[*node]*stepper{}, up: map[*node]*Group{}}
	var made []*power
	var steps []*stepper
	config := func(c *Config) {
		// The configuration is made once per open: which node it is for shows
		// in its directory.
		for i, x := range p.nodes {
			if x.dir == c.Dir {
				c.hooks.vfs, c.hooks.step = made[i], steps[i].step
				c.hooks.otherBoot, c.hooks.snapBytes = true, snapBytes
				return
			}
		}
		d := newPower(seed + uint64(len(made)))
		s := &stepper{disk: d}
		made, steps = append(made, d), append(steps, s)
		c.hooks.vfs, c.hooks.step = d, s.step
		c.hooks.otherBoot, c.hooks.snapBytes = true, snapBytes
	}
	if n == 1 {
		p.nodes = []*node{one(t, config)}
	} else {
		_, _, p.nodes = mesh(t, n, config)
	}
	for i, x := range p.nodes {
		p.disks[x], p.steps[x], p.up[x] = made[i], steps[i], x.Group
	}
	return p
}

// lose lets the power of nodes go and come back.
func (p *powered) lose(nodes ...*node) {
	p.t.Helper()
	for _, x := range nodes {
		p.disks[x].cut()
	}
	p.revive(nodes...)
}

// revive opens nodes again whose power has gone.
func (p *powered) revive(nodes ...*node) {
	p.t.Helper()
	for _, x := range nodes {
		p.mu.Lock()
		p.up[x] = nil
		p.mu.Unlock()
		x.kill()
		if err := p.disks[x].lose(x.dir); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, x := range nodes {
		x.open()
		p.mu.Lock()
		p.up[x] = x.Group
		p.mu.Unlock()
	}
}

// write is one client: it counts in c0..c2 and fills the log.
func (p *powered) write(client int, stop <-chan struct{}) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		x := p.nodes[(client+i)%len(p.nodes)]
		p.mu.Lock()
		g := p.up[x]
		p.mu.Unlock()
		if g == nil || g.machine.broken() != nil {
			<-time.After(time.Millisecond)
			continue
		}
		body := fmt.Sprintf("add c%d", client)
		if i%4 == 0 {
			body = fmt.Sprintf("big b%d %s", i%7, strings.Repeat("z", 3000))
		}
		ctx, cancel := contextFor(3 * time.Second)
		_, err := g.Propose(ctx, Proposal{Part: "kv", Body: []byte(body)})
		cancel()
		switch {
		case i%4 == 0:
		case err == nil:
			p.acked[client]++
		default:
			p.unknown[client]++
		}
	}
}

// during runs fn while three clients write, and checks the counts after it.
func (p *powered) during(fn func()) {
	p.t.Helper()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for client := range 3 {
		clients.Go(func() { p.write(client, stop) })
	}
	fn()
	close(stop)
	clients.Wait()
	p.check()
}

func (p *powered) check() {
	p.t.Helper()
	p.nodes[0].do(p.t, "set end 1")
	same(p.t, p.nodes)
	for client := range 3 {
		var n [8]byte
		copy(n[:], p.nodes[0].get(p.t, ReadOptions{}, fmt.Sprintf("c%d", client)))
		have := int(binary.BigEndian.Uint64(n[:]))
		if have < p.acked[client] || have > p.acked[client]+p.unknown[client] {
			p.t.Errorf("client %d: %d acknowledged, %d unknown, the state has %d", client, p.acked[client], p.unknown[client], have)
		}
	}
}

// Power fails at random, on one node or on all, in the middle of any operation
// of the log's files: nothing acknowledged is lost and every node comes up (F4,
// F5).
func TestF4PowerLossAtRandom(t *testing.T) {
	t.Parallel()
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("POWER_SEED"); s != "" {
		fmt.Sscan(s, &seed)
		rounds = 60
	}
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	snap := uint64(1) << 40 // before the first snapshot
	if rng.IntN(3) > 0 {
		snap = 128 << 10
	}
	p := poweredMesh(t, 3, seed, snap)
	p.during(func() {
		for range rounds {
			<-time.After(time.Duration(50+rng.IntN(150)) * time.Millisecond)
			victims := rng.Perm(3)[:1+2*rng.IntN(2)]
			var gone []*node
			for _, v := range victims {
				x := p.nodes[v]
				gone = append(gone, x)
				p.disks[x].cutIn(1 + rng.IntN(40))
			}
			eventually(t, 10*time.Second, "the power goes", func() bool {
				off := 0
				for _, x := range gone {
					if p.disks[x].isOff() {
						off++
					}
				}
				// With all going, the last may not write any more.
				if off > 0 && off < len(gone) {
					for _, x := range gone {
						p.disks[x].cut()
					}
				}
				return off == len(gone)
			})
			p.revive(gone...)
		}
	})
	t.Logf("acknowledged %v, failed or unknown %v", p.acked, p.unknown)
}

// The power fails at each point between the files of a snapshot and of a state
// that is replaced (F5, F22).
func TestF5PowerLossInSnapshotAndInstall(t *testing.T) {
	t.Parallel()
	manyOpens(t)
	for _, point := range []string{atSnapshotWritten, atSnapshotNamed} {
		t.Run(point, func(t *testing.T) {
			p := poweredMesh(t, 1, 7, 32<<10)
			x := p.nodes[0]
			p.during(func() {
				for range 3 {
					p.steps[x].arm(point)
					eventually(t, 20*time.Second, "it gets there", p.steps[x].hit)
					p.revive(x)
				}
			})
		})
	}
	for _, point := range []string{atSnapshotWritten, atSnapshotNamed, atStateBuilt, atStateTurned} {
		t.Run("install, "+point, func(t *testing.T) {
			p := poweredMesh(t, 3, 9, 64<<10)
			leader := leaderOf(t, p.nodes)
			away := others(p.nodes, leader)[0]
			last := away.Status().AppliedIndex
			p.mu.Lock()
			p.up[away] = nil
			p.mu.Unlock()
			away.kill()
			body := strings.Repeat("x", 16<<10)
			eventually(t, 20*time.Second, "the log no longer reaches back", func() bool {
				for i := range 10 {
					leader.do(t, fmt.Sprintf("big k%d %s", i, body))
				}
				first, err := leader.log.FirstIndex()
				return err == nil && first > last+1
			})
			p.steps[away].arm(point)
			if point == atStateBuilt {
				p.steps[away].skip = 1 // opening builds one of its own
			}
			away.open()
			eventually(t, 20*time.Second, "it gets there", p.steps[away].hit)
			p.revive(away)
			p.check()
			p.lose(away)
			p.check()
		})
	}
}

// Segments are sealed and made while the power goes (F5). The rotation is
// provoked by entries of some 100 KiB.
func TestF5PowerLossInRotation(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes some hundred MiB")
	}
	p := poweredMesh(t, 1, 11, 1<<40)
	x := p.nodes[0]
	body := strings.Repeat("r", 400<<10)
	written := 0
	for cut := 1; cut <= 7; cut++ {
		files := func() int {
			list, err := filepath.Glob(filepath.Join(x.dir, nameLog, "*.wal"))
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		// Up to the brink of the next rotation.
		for n := files(); files() == n; written++ {
			x.do(t, fmt.Sprintf("big k%d %s", written%3, body))
		}
		x.do(t, "add n")
		for range 39 {
			x.do(t, fmt.Sprintf("big k%d %s", written%3, body))
		}
		p.disks[x].cutIn(cut)
		for !p.disks[x].isOff() {
			if _, err := x.try(fmt.Sprintf("big k%d %s", written%3, body)); err != nil && !p.disks[x].isOff() {
				t.Fatal(err)
			}
		}
		p.revive(x)
		if out := x.do(t, "read n"); binary.BigEndian.Uint64(out.Result) != uint64(cut) {
			t.Fatalf("after cut %d: %x", cut, out.Result)
		}
	}
}

// A process that dies after it made a segment and before it synced it leaves a
// name that is only in memory; what is acknowledged after the restart must
// survive a power loss all the same.
func TestNameOfAnUnsyncedSegmentIsMadeDurableAtOpen(t *testing.T) {
	for seed := range uint64(8) {
		dir, disk := t.TempDir(), newPower(seed)
		l := openLog(t, dir, disk)
		if err := l.close(); err != nil { // made, never synced
			t.Fatal(err)
		}
		l = openLog(t, dir, disk)
		fill(t, l, 1, 3)
		disk.cut()
		if err := l.close(); err != nil {
			t.Fatal(err)
		}
		if err := disk.lose(dir); err != nil {
			t.Fatal(err)
		}
		l = openLog(t, dir, disk)
		if last, err := l.LastIndex(); err != nil || last != 3 {
			t.Fatalf("seed %d: the log ends at %d, %v", seed, last, err)
		}
		l.close()
	}
}

// What a snapshot from the leader says stands above a log that ends before it:
// the node went down before Raft had emptied the log, and nothing is lost.
func TestLogBelowAnInstalledSnapshotIsEmptied(t *testing.T) {
	none := func(uint64) uint64 { return 0 }
	d := decide(found{mark: markOpen, snapIndex: 90, snapApplied: 90, snapTerm: 3, snapInstalled: true, logFirst: 5, logLast: 40, logTerm: none})
	if d.damaged != "" || !d.wipe || d.source != fromSnapshot {
		t.Fatalf("%+v", d)
	}
	// A snapshot of its own above the end of the log is a loss.
	d = decide(found{mark: markOpen, snapIndex: 90, snapApplied: 90, snapTerm: 3, logFirst: 5, logLast: 40, logTerm: none})
	if d.damaged == "" || d.wipe {
		t.Fatalf("%+v", d)
	}
	// And so is a state above the installed snapshot.
	d = decide(found{stateOpens: true, mark: markClean, stateApplied: 95, snapIndex: 90, snapApplied: 90, snapTerm: 3, snapInstalled: true, logFirst: 5, logLast: 40, logTerm: none})
	if d.damaged == "" || d.wipe {
		t.Fatalf("%+v", d)
	}
}

// A flipped bit in the file of term and vote is found, wherever it is.
func TestFlippedBitsInTheIndexAreFound(t *testing.T) {
	x := one(t, nil)
	x.do(t, "set a 1")
	x.stop()
	path := filepath.Join(x.dir, nameLog, nameIndex)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseIndex(data); err != nil {
		t.Fatal(err)
	}
	for at := range data {
		for bit := range 8 {
			data[at] ^= 1 << bit
			if _, err := parseIndex(data); !errors.Is(err, ErrLogDamaged) {
				t.Fatalf("byte %d bit %d: %v", at, bit, err)
			}
			data[at] ^= 1 << bit
		}
	}
	flip(t, path, int64(len(data)/2))
	if err := x.tryOpen(); !errors.Is(err, ErrLogDamaged) {
		t.Fatalf("open said %v", err)
	}
	flip(t, path, int64(len(data)/2))
	x.open()
}
