// Command state measures meshd's replicated state beside etcd's on this
// machine: three processes of each with TLS and fsync on the same disk, each
// asked through the interface its users have, by the same load generator, in
// turns, several rounds. What it prints is ratios of medians with their ranges;
// figures of other machines or moments do not compare.
//
// `make bench-state` runs it; DURATION, ROUNDS, KILLS and CELLS (a regular
// expression) change what it does.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

type settings struct {
	dir, bin       string
	rounds         int
	warm, measure  time.Duration
	keys, size     int
	kills          int
	conns          int
	cells, targets *regexp.Regexp
}

func main() {
	log.SetFlags(0)
	var s settings
	var cells, targets string
	flag.StringVar(&s.bin, "bin", "", "directory with meshd, server (etcd) and load")
	flag.StringVar(&s.dir, "dir", "", "directory for the data, on the disk to be measured; a new one under the system's if empty")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds")
	flag.DurationVar(&s.warm, "warm", time.Second, "warming up of each cell")
	flag.DurationVar(&s.measure, "duration", 5*time.Second, "of each cell")
	flag.IntVar(&s.keys, "keys", 10000, "keys made beforehand")
	flag.IntVar(&s.size, "size", 256, "bytes of a value")
	flag.IntVar(&s.kills, "kills", 10, "deaths of the leader to measure; 0: none")
	flag.IntVar(&s.conns, "etcd-conns", 8, "connections that etcd's clients share, which suits it best; 0: one a client")
	flag.StringVar(&cells, "cells", "", "measure only cells that match")
	flag.StringVar(&targets, "targets", "", "measure only those of etcd, http and ws that match")
	flag.Parse()
	s.cells, s.targets = regexp.MustCompile(cells), regexp.MustCompile(targets)
	if err := run(s); err != nil {
		log.Fatal(err)
	}
}

func run(s settings) (err error) {
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "bench-state-"); err != nil {
			return err
		}
		defer os.RemoveAll(s.dir)
	}
	meshd, err := startMesh(s)
	defer meshd.stop()
	if err != nil {
		return fmt.Errorf("starting meshd: %w", err)
	}
	etcd, err := startEtcd(s)
	defer etcd.stop()
	if err != nil {
		return fmt.Errorf("starting etcd: %w", err)
	}
	rivals := []*cluster{etcd, meshd}
	for _, c := range rivals {
		c.keys = filepath.Join(s.dir, c.name+".keys")
		if _, err := c.load(s, loadArgs{target: c.targets[0], op: "make", at: leader}); err != nil {
			return fmt.Errorf("making keys in %s: %w", c.name, err)
		}
	}
	t := newTable()
	for round := range s.rounds {
		sync, err := proc.SyncTimes(s.dir)
		if err != nil {
			return err
		}
		log.Printf("round %d of %d: fsync of 512 bytes takes %s (half), %s (99 of 100)", round+1, s.rounds, sync[0], sync[1])
		t.syncs = append(t.syncs, sync)
		for _, cell := range cells {
			if !s.cells.MatchString(cell.String()) {
				continue
			}
			// The order turns with the rounds: nobody is always first.
			for i := range rivals {
				c := rivals[(i+round)%len(rivals)]
				for _, target := range c.targets {
					if !s.targets.MatchString(target) {
						continue
					}
					m, err := c.measure(s, cell, target)
					if err != nil {
						return fmt.Errorf("%s over %s, %s: %w", c.name, target, cell, err)
					}
					t.add(cell, target, m)
					log.Printf("  %-26s %-5s %8.0f/s  p50 %.2f ms  p99 %.2f ms  %.2f CPU s/1,000", cell, target, m.rate(), m.P50, m.P99, m.cpu())
				}
			}
		}
	}
	if s.targets.String() == "" {
		t.print(os.Stdout, s)
	}
	for _, c := range rivals {
		c.printMemory(os.Stdout)
		if err := c.verify(s); err != nil {
			fmt.Printf("%s: state after the run: WRONG: %v\n", c.name, err)
		} else {
			fmt.Printf("%s: state after the run: %d keys on each of three nodes, as written\n", c.name, s.keys)
		}
	}
	if s.kills > 0 {
		etcd.stop() // each alone: an idle rival's heartbeats would suffer and not count
		if err := deaths(os.Stdout, s, meshd); err != nil {
			return err
		}
		meshd.stop()
		if err := etcd.restart(); err != nil {
			return err
		}
		return deaths(os.Stdout, s, etcd)
	}
	return nil
}
