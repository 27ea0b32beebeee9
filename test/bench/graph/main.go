// Command graph measures the knowledge graph of meshd as its users meet it: real
// processes on loopback with TLS and default settings, asked over HTTP, loaded
// with WordNet, with the packages of Debian and with made graphs of growing
// size; and beside it, in the same run, the reference memory server of the Model
// Context Protocol on the same data with the same calls. It prints Markdown.
//
// `make bench-graph` runs it; CELLS (a regular expression) chooses, SMALL=1 is a
// smoke of all of it that judges nothing and takes half a minute on two idle
// processors, where the whole takes a quarter of an hour. With -queries (`make
// bench-query`) it measures queries of openCypher instead, beside the routes that
// do the same. It takes packages of npm that
// peer/package.json pins, and the lists of apt that lie on the machine.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

type settings struct {
	bin    string // the program to measure
	npm    string // directory with node_modules
	dir    string // for data, on the disk to be measured
	cells  *regexp.Regexp
	ops    *regexp.Regexp
	small  bool
	asking bool          // measure queries
	budget time.Duration // of one operation's measurement
	limit  time.Duration // of one cell
}

func main() {
	log.SetFlags(log.Ltime)
	var s settings
	var cells, ops string
	flag.StringVar(&s.bin, "meshd", "bin/bench/meshd", "the program to measure")
	flag.StringVar(&s.npm, "npm", "bin/bench/npm", "directory in which npm installed what peer/package.json names")
	flag.StringVar(&s.dir, "dir", "", "directory for the data, on the disk to be measured; a new one under the system's if empty")
	flag.StringVar(&cells, "cells", "", "measure only cells that match")
	flag.StringVar(&ops, "ops", "", "measure only operations that match; for profiles")
	flag.BoolVar(&s.small, "small", false, "little of everything, in less than a minute")
	flag.BoolVar(&s.asking, "queries", false, "measure queries of openCypher, and nothing else")
	flag.DurationVar(&s.budget, "duration", 2*time.Second, "of each operation, at most")
	flag.DurationVar(&s.limit, "limit", 10*time.Minute, "of each cell, at most")
	flag.Parse()
	s.cells, s.ops = regexp.MustCompile(cells), regexp.MustCompile(ops)
	if s.small {
		s.budget = min(s.budget, 200*time.Millisecond)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, s)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, s settings) (err error) {
	parent := s.dir
	if s.dir, err = os.MkdirTemp(parent, "bench-graph-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if s.bin, err = filepath.Abs(s.bin); err != nil {
		return err
	}
	out := newReport(s)
	var words *dataset
	all, some := cells, smoke
	if s.asking {
		all, some = queryCells, querySmoke
	}
	for _, c := range all {
		if !s.cells.MatchString(c.name) || ctx.Err() != nil || s.small && !slices.Contains(some, c.name) {
			continue
		}
		log.Printf("%s", c.name)
		dir := filepath.Join(s.dir, c.name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, s.limit)
		b := &bench{settings: s, ctx: limited, dir: dir, wordnet: &words, out: out.section(c.name, c.title)}
		err := c.measure(b)
		cancel()
		b.mesh.Stop()
		if err != nil {
			log.Printf("%s: %v", c.name, err)
			b.out.err = err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	out.print(os.Stdout)
	return out.fault()
}
