// Command sync has many clients come back at once from working offline: each
// has a replica in a file with mutations that the mesh does not know, and all
// push them to three real nodes whose leader is killed again and again
// meanwhile. In the end every mutation has taken effect once, or it says which
// has not, and all nodes have the same state.
//
// `make bench-sync` runs it; CLIENTS, MUTATIONS, SHARE (clients of a namespace),
// ACTIVE (clients at once) and KILLS (how long a leader lives) change what it
// does.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

type settings struct {
	bin, dir                          string
	clients, mutations, share, active int
	kills                             time.Duration
}

func main() {
	log.SetFlags(0)
	var s settings
	flag.StringVar(&s.bin, "bin", "", "the meshd program")
	flag.StringVar(&s.dir, "dir", "", "directory for the data; a new one under the system's if empty")
	flag.IntVar(&s.clients, "clients", 1000, "clients")
	flag.IntVar(&s.mutations, "mutations", 1000, "mutations of each")
	flag.IntVar(&s.share, "share", 4, "clients of a namespace")
	flag.IntVar(&s.active, "active", 128, "clients that catch up at once")
	flag.DurationVar(&s.kills, "kills", 15*time.Second, "how long a leader lives; 0: for ever")
	flag.Parse()
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "bench-sync-"); err != nil {
			return err
		}
		defer os.RemoveAll(s.dir)
	}
	fmt.Printf("%d clients, %d mutations each, %d to a namespace, %d at once; load %s\n\n", s.clients, s.mutations, s.share, s.active, proc.Load())
	m, err := mesh.Start(s.bin, s.dir, 3)
	defer m.Stop()
	if err != nil {
		return err
	}
	b := &bench{settings: s, mesh: m}
	if err := b.meet(); err != nil {
		return err
	}
	for _, part := range []func() error{b.workOffline, b.comeBack, b.agree, b.count} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// bench is a run.
type bench struct {
	settings
	mesh  *mesh.Mesh
	nodes []client.Node
	sums  []expected // by namespace

	changes atomic.Int64 // of the leader
}

// meet asks the nodes for their pins.
func (b *bench) meet() error {
	for _, p := range b.mesh.Processes {
		var cert struct {
			Pin string `json:"spki_sha256"`
		}
		if err := b.mesh.Ask(p, "/cert", &cert); err != nil {
			return err
		}
		b.nodes = append(b.nodes, client.Node{URL: "https://" + p.Address, Pin: cert.Pin})
	}
	b.sums = make([]expected, (b.clients+b.share-1)/b.share)
	return nil
}

func (b *bench) namespace(i int) string { return fmt.Sprintf("field%04d", i/b.share) }

// open returns a client that asks the nodes in an order of its own, and its
// replica.
func (b *bench) open(i int) (*client.Client, *client.Offline, error) {
	var order []client.Node
	for j := range b.nodes {
		order = append(order, b.nodes[(i+j)%len(b.nodes)])
	}
	c, err := client.New(client.Config{Nodes: order, Key: b.mesh.Key, Patience: time.Minute})
	if err != nil {
		return nil, nil, err
	}
	o, err := client.OpenOffline(client.OfflineConfig{Client: c, Path: filepath.Join(b.dir, fmt.Sprintf("replica%05d", i)), Namespace: b.namespace(i)})
	if err != nil {
		c.Close()
	}
	return c, o, err
}

// each runs do for all clients, so many at a time, and stops at an error.
func (b *bench) each(atOnce int, do func(i int) error) error {
	var next atomic.Int64
	errs := make(chan error, atOnce)
	for range atOnce {
		go func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= b.clients {
					errs <- nil
					return
				}
				if err := do(i); err != nil {
					next.Store(int64(b.clients))
					errs <- fmt.Errorf("client %d: %w", i, err)
					return
				}
			}
		}()
	}
	var all error
	for range atOnce {
		all = errors.Join(all, <-errs)
	}
	return all
}

// workOffline has all clients write what nobody else sees yet.
func (b *bench) workOffline() error {
	start := time.Now()
	var mu sync.Mutex
	if err := b.each(8, func(i int) error {
		c, o, err := b.open(i)
		if err != nil {
			return err
		}
		defer c.Close()
		sum, err := write(o, i, b.mutations)
		mu.Lock()
		b.sums[i/b.share].add(sum)
		mu.Unlock()
		return errors.Join(err, o.Close())
	}); err != nil {
		return err
	}
	b.say("written offline, on disk", b.clients*b.mutations, time.Since(start))
	return nil
}

func (b *bench) say(what string, mutations int, took time.Duration) {
	fmt.Printf("%-28s %9d mutations in %8.1f s: %9.0f/s\n", what, mutations, took.Seconds(), float64(mutations)/took.Seconds())
}

// comeBack has all clients catch up while leaders die.
func (b *bench) comeBack() error {
	ctx, cancel := context.WithCancel(context.Background())
	var killing sync.WaitGroup
	var died error
	if b.kills > 0 {
		killing.Go(func() { died = b.killLeaders(ctx) })
	}
	var requests, retries, sent, received, changes, problems, again atomic.Int64
	start := time.Now()
	err := b.each(min(b.active, b.clients), func(i int) error {
		c, o, err := b.open(i)
		if err != nil {
			return err
		}
		defer c.Close()
		for try := 0; ; try++ {
			r, err := o.CatchUp(ctx)
			changes.Add(int64(r.Changes))
			problems.Add(int64(r.Problems))
			if err == nil {
				break
			}
			if again.Add(1); try == 20 {
				return err
			}
		}
		f := c.Figures()
		requests.Add(int64(f.Requests))
		retries.Add(int64(f.Retries))
		sent.Add(int64(f.Sent))
		received.Add(int64(f.Received))
		if n := o.Pending(); n > 0 {
			return fmt.Errorf("%d mutations are pending", n)
		}
		return o.Close()
	})
	took := time.Since(start)
	cancel()
	killing.Wait()
	if err = errors.Join(err, died); err != nil {
		return err
	}
	b.say("pushed and taken back", b.clients*b.mutations, took)
	fmt.Printf("%-28s %9d (kill -9), %d requests, %d retries, %d catch-ups begun again, %d problems\n", "leader changes", b.changes.Load(), requests.Load(), retries.Load(), again.Load(), problems.Load())
	fmt.Printf("%-28s %9.1f MB sent, %.1f MB received, %d changes of others and own\n", "bodies", float64(sent.Load())/1e6, float64(received.Load())/1e6, changes.Load())
	if problems.Load() > 0 {
		return fmt.Errorf("%d mutations did not take effect as they were", problems.Load())
	}
	return nil
}

// patience is for what takes a second on a machine that is not full.
const patience = 3 * time.Minute

// killLeaders kills who leads, again and again, and starts it anew.
func (b *bench) killLeaders(ctx context.Context) error {
	tick := time.NewTicker(b.kills)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var leader int
		if err := mesh.WaitFor(patience, func() (err error) {
			leader, err = b.mesh.Leader()
			return err
		}); err != nil {
			return fmt.Errorf("nobody leads: %w", err)
		}
		p := b.mesh.Processes[leader]
		p.End(syscall.SIGKILL)
		err := mesh.WaitFor(patience, func() error {
			now, err := b.mesh.Leader()
			if err == nil && now == leader {
				err = errors.New("the dead one leads")
			}
			return err
		})
		if err = errors.Join(err, p.Run()); err != nil {
			return fmt.Errorf("after the death of %s: %w", p.Name, err)
		}
		b.changes.Add(1)
		dir := b.mesh.Dir(leader)
		if err := mesh.WaitFor(patience, func() error { return exec.Command(b.bin, "status", "--json", "--data", dir).Run() }); err != nil {
			return fmt.Errorf("%s does not come back: %w", p.Name, err)
		}
	}
}

// agree waits until all nodes have the same state.
func (b *bench) agree() error {
	start := time.Now()
	var hash string
	var revision uint64
	if err := mesh.WaitFor(patience, func() error {
		for i, p := range b.mesh.Processes {
			var st struct {
				Revision  uint64 `json:"revision"`
				StateHash string `json:"state_hash"`
			}
			if err := b.mesh.Ask(p, "/status", &st); err != nil {
				return err
			}
			if i == 0 {
				revision, hash = st.Revision, st.StateHash
			}
			if st.Revision != revision || st.StateHash != hash {
				return fmt.Errorf("%s has %.12s at %d, %s %.12s at %d", p.Name, st.StateHash, st.Revision, b.mesh.Processes[0].Name, hash, revision)
			}
		}
		return nil
	}); err != nil {
		return fmt.Errorf("the nodes differ: %w", err)
	}
	fmt.Printf("%-28s hash %.16s… at revision %d on all three, after %.1f s\n", "same state", hash, revision, time.Since(start).Seconds())
	for i, p := range b.mesh.Processes {
		rss, _, peak := proc.Memory(p.PID())
		fmt.Printf("%-28s %9.0f MiB resident, %.0f MiB at most, %.0f MB of disk\n", p.Name, float64(rss)/1024, float64(peak)/1024, float64(b.mesh.Disk()[i])/1e6)
	}
	return nil
}
