package main

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"

	"github.com/meshd/meshd/graphsync/formats"
)

// dataset is a graph to load, as a file of import lines, and what to ask of it
// afterwards.
type dataset struct {
	name  string
	file  string
	bytes int64
	count
	// keys are of nodes to ask for, in no order.
	keys            []string
	one, three, all walk
	pairs           [][2]string // ends of paths
	searches        []search
}

// count is how many records there are.
type count struct{ nodes, edges, observations int }

func (c count) records() int { return c.nodes + c.edges + c.observations }

// walk is where walks begin and what they follow.
type walk struct {
	name   string
	starts []string
	edge   string // empty: every type
	depth  string
}

// search is texts to look for, in one way.
type search struct {
	name, mode string
	texts      []string
}

// keep writes what a reader gives to a file of import lines under dir; seen is
// told of every record. What the reader refuses is left out, and of a part of a
// graph the edges whose other end is not in it.
func (d *dataset) keep(dir string, from formats.Reader, part bool, seen func(*formats.Record)) error {
	d.file = filepath.Join(dir, d.name+".jsonl")
	f, err := os.Create(d.file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	there := ends{}
	for {
		line, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if errors.Is(err, formats.ErrLine) {
			continue
		}
		if err != nil {
			return err
		}
		record, err := formats.ParseRecord(line)
		if err != nil {
			return err
		}
		if part && !there.has(&record) {
			continue
		}
		switch {
		case record.Node != nil:
			d.nodes++
		case record.Edge != nil:
			d.edges++
		default:
			d.observations++
		}
		seen(&record)
		d.bytes += int64(len(line)) + 1
		_, _ = w.Write(line) // Flush tells
		_ = w.WriteByte('\n')
	}
	return w.Flush()
}

// ends remembers which nodes there are.
type ends map[string]bool

// has says whether a record's nodes are there.
func (e ends) has(r *formats.Record) bool {
	switch {
	case r.Edge != nil:
		return e[r.Edge.Source] && e[r.Edge.Target]
	case r.Observation != nil:
		return e[r.Observation.Node]
	case r.Node != nil:
		e[r.Node.Key] = true
	}
	return true
}

// fixed is a source of choices that are the same in every run.
func fixed(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// choose takes n of all, the same in every run, in no order.
func choose[T any](r *rand.Rand, all []T, n int) []T {
	out := make([]T, 0, n)
	for range n {
		if len(all) > 0 {
			out = append(out, all[r.IntN(len(all))])
		}
	}
	return out
}

// namespace is where everything lies.
const namespace = "bench"

// query is a path with its parameters, the namespace among them.
func query(path string, pairs ...string) string {
	v := url.Values{"session_id": {namespace}}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return path + "?" + v.Encode()
}
