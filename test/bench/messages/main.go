// Command messages measures meshd's messages beside NATS' on this machine: three
// processes of each with TLS for clients, who come by WebSocket, and mutual TLS
// between servers, each asked through the interface its users have, by the same
// load generator, in turns, several rounds. What it prints is Markdown: medians
// with their ranges, and their ratios; figures of other machines or moments do
// not compare.
//
// `make bench-messages` runs it; DURATION, ROUNDS and CELLS (a regular
// expression) change what it does. So does `go run ./test/bench/messages -build`
// with its flags. MESSAGES.md beside this directory says how to read it.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

type settings struct {
	dir, bin, hello, retention string
	rounds, size, peers, idle  int
	warm, measure              time.Duration
	cells, targets             *regexp.Regexp
}

func main() {
	log.SetFlags(0)
	var s settings
	var cells, targets string
	var list, build bool
	flag.StringVar(&s.bin, "bin", "bin/bench", "directory with meshd, nats-server and messages-load")
	flag.StringVar(&s.dir, "dir", "", "directory for the data, on the disk to be measured; a new one under the system's if empty")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds")
	flag.DurationVar(&s.warm, "warm", time.Second, "warming up of each cell")
	flag.DurationVar(&s.measure, "duration", 5*time.Second, "of each cell")
	flag.IntVar(&s.size, "size", 256, "bytes of a body")
	flag.IntVar(&s.peers, "peers", 1000, "agents that talk; subscribers")
	flag.IntVar(&s.idle, "idle", 10000, "idle connections, a descriptor each: see ulimit -n")
	flag.StringVar(&s.hello, "hello", "", `members to add to the hello of meshd's clients, as "batch":true`)
	flag.StringVar(&s.retention, "retention", "workqueue", "of NATS' streams: workqueue (an acknowledged message is gone) or limits (it stays)")
	flag.StringVar(&cells, "cells", "", "measure only cells that match")
	flag.StringVar(&targets, "targets", "", "measure only those of nats and meshd that match")
	flag.BoolVar(&build, "build", false, "build the three programs into -bin first; run in the module's directory")
	flag.BoolVar(&list, "list", false, "name the cells")
	flag.Parse()
	s.cells, s.targets = regexp.MustCompile(cells), regexp.MustCompile(targets)
	if list {
		for _, c := range table {
			fmt.Println(c.name)
		}
		return
	}
	if build {
		if err := buildAll(s.bin); err != nil {
			log.Fatal(err)
		}
	}
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

// buildAll builds the servers, and the load generator, which belongs to the
// module of NATS' client.
func buildAll(bin string) error {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	for _, b := range []struct{ program, module, path string }{
		{"meshd", ".", "./cmd/meshd"}, {"nats-server", "test/bench/nats", "./server"}, {"messages-load", "test/bench/nats", "./load"},
	} {
		cmd := exec.Command("go", "build", "-C", b.module, "-o", filepath.Join(bin, b.program), b.path)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: %w: %s", b.program, err, out)
		}
	}
	return nil
}

func run(s settings) (err error) {
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return err
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "bench-messages-"); err != nil {
			return err
		}
		defer os.RemoveAll(s.dir)
	}
	var rivals []*cluster
	defer func() {
		for _, c := range rivals {
			c.stop()
		}
	}()
	for _, rival := range []struct {
		name  string
		start func(settings) (*cluster, error)
	}{{"nats", startNATS}, {"meshd", startMesh}} {
		if !s.targets.MatchString(rival.name) {
			continue
		}
		c, err := rival.start(s)
		rivals = append(rivals, c)
		if err != nil {
			return fmt.Errorf("starting %s: %w", rival.name, err)
		}
	}
	r := newReport(s)
	for round := range s.rounds {
		sync, err := proc.SyncTimes(s.dir)
		if err != nil {
			return err
		}
		log.Printf("round %d of %d: fsync of 512 bytes takes %s (half), %s (99 of 100); load %s", round+1, s.rounds, sync[0], sync[1], proc.Load())
		r.syncs = append(r.syncs, sync)
		for _, cell := range table {
			if !s.cells.MatchString(cell.name) {
				continue
			}
			// The order turns with the rounds: nobody is always first.
			for i := range rivals {
				c := rivals[(i+round)%len(rivals)]
				for _, way := range cell.ways {
					if way.target != c.name {
						continue
					}
					m, err := c.measure(s, way)
					if err != nil {
						log.Printf("  %-22s %-14s not measured: %v", cell.name, way.name, err)
					} else {
						log.Printf("  %-22s %-14s %s", cell.name, way.name, m)
					}
					r.add(cell, way, m, err)
				}
			}
		}
	}
	r.print(os.Stdout)
	for _, c := range rivals {
		c.printMemory(os.Stdout)
	}
	return nil
}
