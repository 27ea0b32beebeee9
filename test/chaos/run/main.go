//go:build linux

// Command run breaks a mesh for as long as asked, from a seed, and prints the
// figures. It needs root. Exit 1: a promise was broken; 2: no run was made.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/meshd/meshd/test/chaos"
)

func main() {
	var (
		cfg    chaos.Config
		faults string
		quiet  bool
	)
	flag.StringVar(&cfg.Binary, "binary", "bin/meshd", "the meshd to run")
	flag.Uint64Var(&cfg.Seed, "seed", uint64(time.Now().UnixNano()%1e9), "seed of all choices")
	flag.DurationVar(&cfg.Duration, "duration", time.Minute, "how long to break things")
	flag.StringVar(&cfg.Scenario, "scenario", "random", "random, members, sleep, move or calm")
	flag.IntVar(&cfg.Nodes, "nodes", 0, "members at the start")
	flag.IntVar(&cfg.Hosts, "hosts", 0, "places for nodes")
	flag.IntVar(&cfg.Clients, "clients", 0, "clients at work")
	flag.DurationVar(&cfg.Think, "think", 0, "mean pause of a client")
	flag.StringVar(&cfg.Dir, "dir", "", "where history and logs go")
	flag.StringVar(&faults, "faults", "", "only these, separated by commas")
	flag.BoolVar(&quiet, "quiet", false, "print the figures only")
	flag.Parse()
	if faults != "" {
		cfg.Faults = strings.Split(faults, ",")
	}
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(os.TempDir(), fmt.Sprintf("meshd-chaos-%s-%d", cfg.Scenario, cfg.Seed))
	}
	cfg.Log = os.Stderr
	if quiet {
		cfg.Log = io.Discard
	}
	if err := os.RemoveAll(cfg.Dir); err != nil {
		fail(err)
	}
	var err error
	if cfg.Binary, err = filepath.Abs(cfg.Binary); err != nil {
		fail(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	rep, err := chaos.Run(ctx, cfg)
	stop()
	if err != nil {
		fail(err)
	}
	fmt.Print(rep)
	if rep.Failed() {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
