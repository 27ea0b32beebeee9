//go:build linux

package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
	"github.com/meshd/meshd/test/chaos/fabric"
)

// Config says what to run.
type Config struct {
	Binary   string        // the meshd under test
	Seed     uint64        // of all choices
	Duration time.Duration // of the faults; healing and judging come after
	Scenario string        // a name of Scenarios
	Hosts    int           // places for nodes; default 5
	Nodes    int           // members to begin with, 3 to Hosts; default by seed
	Clients  int           // default 8
	Think    time.Duration // a client's mean pause; default 25 ms
	Dir      string        // made anew; kept if the run fails
	Faults   []string      // only these, by name; empty: all
	Log      io.Writer     // what happens, line by line
}

// runner is one run.
type runner struct {
	cfg    Config
	dir    string
	start  time.Time
	fabric *fabric.Fabric
	nodes  []*node
	key    string
	board  board
	ending atomic.Bool

	mu         sync.Mutex
	history    []check.Op
	file       *os.File
	enc        *json.Encoder
	problems   []check.Problem
	faults     map[string]int
	states     check.States
	damaged    time.Duration // when bits of a replica were flipped; 0: not yet
	leader     string        // by name, as last heard
	lastAccept int64
	longestGap time.Duration
	ledAt      time.Duration // when a node last named a leader; 0: not yet
	leaderless time.Duration // the longest time that none did
	healed     int64         // when the last fault ended; 0 while one is at work, or once a write was accepted after
	recovery   []time.Duration
}

// now is the run's clock.
func (r *runner) now() time.Duration { return time.Since(r.start) }

func (r *runner) closing() bool { return r.ending.Load() }

func (r *runner) event(format string, args ...any) {
	fmt.Fprintf(r.cfg.Log, "%8.2f  %s\n", r.now().Seconds(), fmt.Sprintf(format, args...))
}

// maxProblems bounds what one broken promise can fill.
const maxProblems = 200

func (r *runner) problem(kind, format string, args ...any) {
	r.broken(check.Problem{Kind: kind, Text: fmt.Sprintf(format, args...)})
}

func (r *runner) broken(p check.Problem) {
	r.event("PROBLEM %s: %s", p.Kind, p.Text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, p)
	}
}

func (r *runner) count(fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults[fault]++
}

// record keeps an operation.
func (r *runner) record(op check.Op) {
	if op.Code == "IDEMPOTENCY_MISMATCH" {
		r.problem("duplicated", "%s: %s says that its idempotency key had another request", op.Key, op.Node)
	}
	switch op.Kind {
	case check.Write, check.CAS, check.Add, check.Edge, check.Delete, check.Send, check.Ack, check.Task, check.Report:
		if op.Outcome == check.OK && !op.Mismatch {
			r.accepted(op.Return)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, op)
	_ = r.enc.Encode(op)
}

// accepted notes that a write was acknowledged.
func (r *runner) accepted(at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lastAccept > 0 {
		r.longestGap = max(r.longestGap, time.Duration(at-r.lastAccept))
	}
	r.lastAccept = max(r.lastAccept, at)
	if r.healed > 0 && at > r.healed {
		r.recovery = append(r.recovery, time.Duration(at-r.healed))
		r.healed = 0
	}
}

// members are the nodes that should answer clients, running or not.
func (r *runner) members() []*node { return r.which(member) }

func (r *runner) which(s seat) []*node {
	var out []*node
	for _, n := range r.nodes {
		if n.is() == s {
			out = append(out, n)
		}
	}
	return out
}

// Run makes a mesh, breaks it while clients work, heals it and judges. Its error
// says that the run could not be made (fabric.ErrUnsupported among others);
// what the mesh did wrong is in the report.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	r.event("formed with %d members", len(r.members()))
	r.work(ctx)
	rep := r.judge()
	rep.write(filepath.Join(r.dir, "report.txt"))
	return rep, nil
}

func newRunner(cfg Config) (*runner, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	r := &runner{cfg: cfg, dir: cfg.Dir, start: time.Now(), fabric: fabric.New(), faults: map[string]int{}}
	r.board.initial, r.board.versions = map[string]string{}, map[string]uint64{}
	var err error
	if r.file, err = os.Create(filepath.Join(r.dir, "history.jsonl")); err != nil {
		return nil, err
	}
	r.enc = json.NewEncoder(r.file)
	return r, nil
}

// diskSize is that of a node's disk. A run of an hour takes less.
const diskSize = 768 << 20

// open makes the network and the mesh on it.
func (r *runner) open(ctx context.Context) error {
	for i := range r.cfg.Hosts {
		h, err := r.fabric.Host(fmt.Sprintf("n%d", i+1))
		if err != nil {
			return err
		}
		n := &node{run: r, host: h, name: h.Name, number: 1, seat: spare}
		base := filepath.Join(r.dir, h.Name)
		if n.disk, err = h.Disk(base+".img", base+".disk", diskSize); errors.Is(err, fabric.ErrUnsupported) {
			r.event("%v: nothing befalls them", err)
		} else if err != nil {
			return err
		}
		r.nodes = append(r.nodes, n)
	}
	if err := r.form(ctx); err != nil {
		return fmt.Errorf("the mesh did not form: %w (logs in %s)", err, r.dir)
	}
	return nil
}

func (r *runner) close() {
	r.shut()
	r.fabric.Close()
	r.file.Close()
}

func (c *Config) complete() error {
	if c.Log == nil {
		c.Log = io.Discard
	}
	c.Log = &syncWriter{w: c.Log}
	if c.Hosts == 0 {
		c.Hosts = 5
	}
	if c.Nodes == 0 {
		c.Nodes = 3 + int(c.Seed%2)
	}
	if c.Clients == 0 {
		c.Clients = 8
	}
	if c.Think == 0 {
		c.Think = 25 * time.Millisecond
	}
	if c.Scenario == "" {
		c.Scenario = "random"
	}
	if Scenarios[c.Scenario] == nil {
		return fmt.Errorf("there is no scenario %q", c.Scenario)
	}
	for _, f := range c.Faults {
		if !knownFault(f) {
			return fmt.Errorf("there is no fault %q", f)
		}
	}
	return nil
}

type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// shut ends every process.
func (r *runner) shut() {
	r.ending.Store(true)
	for _, n := range r.nodes {
		n.kill()
	}
}

// form makes the mesh of the first nodes.
func (r *runner) form(ctx context.Context) error {
	first := r.nodes[0]
	if err := first.start(); err != nil {
		return err
	}
	if err := eventually(ctx, 20*time.Second, func() error {
		key, err := os.ReadFile(first.file("admin.key"))
		if err == nil {
			r.key = strings.TrimSpace(string(key))
			_, err = r.status(first)
		}
		return err
	}); err != nil {
		return err
	}
	first.become(member)
	for _, n := range r.nodes[1:r.cfg.Nodes] {
		if err := r.join(ctx, n, 30*time.Second); err != nil {
			return err
		}
	}
	return eventually(ctx, 40*time.Second, func() error {
		voters, err := r.voters(first)
		if err == nil && len(voters) < 3 {
			err = fmt.Errorf("%d voters", len(voters))
		}
		return err
	})
}

// work runs clients and faults, heals, and lets the clients finish.
func (r *runner) work(ctx context.Context) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	var clients, watchers sync.WaitGroup
	clients.Go(func() { r.newClient(900).registrar(working) })
	for i := range r.cfg.Clients {
		c := r.newClient(i)
		clients.Go(func() { c.work(working) })
	}
	for i, n := range r.nodes {
		watchers.Go(func() { r.watch(working, r.newClient(800+i), n) })
	}
	breaking, cancel := context.WithTimeout(ctx, r.cfg.Duration)
	Scenarios[r.cfg.Scenario](r, breaking)
	cancel()
	r.heal(ctx)
	stop()
	clients.Wait()
	watchers.Wait()
}

// snapshot copies what was recorded until now.
func (r *runner) snapshot() ([]check.Op, map[string]string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	return append([]check.Op(nil), r.history...), maps.Clone(r.board.initial)
}
