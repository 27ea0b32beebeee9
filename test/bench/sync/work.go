package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi/client"
)

// expected is what a namespace has where each mutation took effect once. The
// versions of nodes count their changes, so that one made twice shows.
type expected struct{ nodes, edges, said, updates int }

func (e *expected) add(o expected) {
	e.nodes, e.edges, e.said, e.updates = e.nodes+o.nodes, e.edges+o.edges, e.said+o.said, e.updates+o.updates
}

// perWrite is how many mutations a client keeps at once.
const perWrite = 50

// write makes a client's mutations: of ten, six nodes (without keys, so that one
// made twice would be two), two edges between them, an observation and a change.
func write(o *client.Offline, i, mutations int) (sum expected, err error) {
	var last uint64
	for n := 0; n < mutations; {
		if err := o.Write(func(b *client.Batch) error {
			for end := min(n+perWrite, mutations); n < end; n++ {
				m, kind := mutation(i, n, last), &sum.nodes
				switch m.Op.Op {
				case graphsync.OpCreateEdge:
					kind = &sum.edges
				case graphsync.OpAddObservation:
					kind = &sum.said
				case graphsync.OpUpdateNode:
					kind = &sum.updates
				}
				id, err := b.Do(m)
				if err != nil {
					return err
				}
				if *kind++; m.Op.Op == graphsync.OpCreateNode {
					last = id
				}
			}
			return nil
		}); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func mutation(i, n int, last uint64) graphsync.Mutation {
	var op graphsync.Op
	switch n % 10 {
	case 3, 6:
		op = graphsync.Op{Op: graphsync.OpCreateEdge, SourceID: last, TargetID: last, Type: "SEES"}
	case 8:
		op = graphsync.Op{Op: graphsync.OpAddObservation, ID: last, Text: fmt.Sprintf("client %d noticed this as its %dth", i, n)}
	case 9:
		op = graphsync.Op{Op: graphsync.OpUpdateNode, ID: last, Merge: true, Properties: json.RawMessage(fmt.Sprintf(`{"seen":%d}`, n))}
	default:
		label := label(i, n)
		op = graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: &label, Properties: json.RawMessage(fmt.Sprintf(`{"client":%d,"n":%d,"where":"somewhere without a network"}`, i, n))}
	}
	return graphsync.Mutation{Op: op}
}

func label(i, n int) string { return fmt.Sprintf("note %d of client %d", n, i) }

// count reads all namespaces back, and compares.
func (b *bench) count() error {
	start := time.Now()
	c, err := client.New(client.Config{Nodes: b.nodes, Key: b.mesh.Key})
	if err != nil {
		return err
	}
	defer c.Close()
	things := 0
	for at, want := range b.sums {
		ns := b.namespace(at * b.share)
		var got expected
		labels := map[string]bool{}
		for cursor := ""; ; {
			p, err := c.Snapshot(context.Background(), client.SnapshotQuery{Namespace: ns, Cursor: cursor, Limit: graphsync.MaxChangesLimit})
			if err != nil {
				return err
			}
			for _, i := range p.Items {
				things++
				switch {
				case i.Edge != nil:
					got.edges++
				case i.Observation != nil:
					got.said++
				case i.Node != nil:
					got.nodes++
					got.updates += int(i.Node.Version) - 1
					if labels[i.Node.Label] {
						return fmt.Errorf("%s has %q twice", ns, i.Node.Label)
					}
					labels[i.Node.Label] = true
				}
			}
			if cursor = p.Cursor; cursor == "" {
				break
			}
		}
		if got != want {
			return fmt.Errorf("%s has %+v, want %+v", ns, got, want)
		}
	}
	fmt.Printf("%-28s %9d things read back in %.1f s: every mutation took effect once\n", "counted", things, time.Since(start).Seconds())
	return nil
}
