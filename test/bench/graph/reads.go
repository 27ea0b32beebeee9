package main

import (
	"fmt"
	"strconv"
	"time"
)

// Aims, at 100,000 entities and on three nodes; elsewhere they are shown for
// comparison only.
const (
	pointAim  = 500 * time.Microsecond
	threeAim  = time.Millisecond
	pathAim   = 5 * time.Millisecond
	searchAim = 2 * time.Millisecond
	createAim = 6 * time.Millisecond
)

// ids finds the ids of keys.
func (b *bench) ids(keys []string) (out []string, err error) {
	for _, key := range keys {
		var page struct{ Nodes []struct{ ID uint64 } }
		if _, err := b.clients[b.follower()].into(b.ctx, get(query("/graph/nodes", "key", key)), &page); err != nil {
			return nil, err
		}
		if len(page.Nodes) != 1 {
			return nil, fmt.Errorf("%d nodes have the key %q", len(page.Nodes), key)
		}
		out = append(out, strconv.FormatUint(page.Nodes[0].ID, 10))
	}
	return out, nil
}

// reads asks a node that does not lead for what is in the graph.
func (b *bench) reads(d *dataset) {
	at := b.follower()
	ids, err := b.ids(d.keys)
	if err != nil {
		b.add(row{name: "by id", fault: err})
		return
	}
	b.op("by id", pointAim, at, func(i int) request { return get("/graph/nodes/" + ids[i%len(ids)]) })
	b.op("by key", pointAim, at, func(i int) request { return get(query("/graph/nodes", "key", d.keys[i%len(d.keys)])) })
	for i, w := range []walk{d.one, d.three, d.all} {
		w.name += " (neighbors)"
		b.op(w.name, []time.Duration{pointAim, threeAim, 0}[i], at, func(i int) request {
			return get(query("/graph/neighbors", "key", w.starts[i%len(w.starts)], "direction", "out", "depth", w.depth, "type", w.edge, "limit", "1000"))
		})
	}
	path := func(i int, more ...string) request {
		p := d.pairs[i%len(d.pairs)]
		return get(query("/graph/path", append([]string{"from_key", p[0], "to_key", p[1], "max_depth", "20"}, more...)...))
	}
	b.op("shortest path, 30 pairs", pathAim, at, func(i int) request { return path(i) })
	b.op("5 shortest paths, 30 pairs", 0, at, func(i int) request {
		p := d.pairs[i%len(d.pairs)]
		return get(query("/graph/paths", "from_key", p[0], "to_key", p[1], "max_depth", "20", "k", "5"))
	})
	for _, s := range d.searches {
		b.op(s.name, searchAim, at, func(i int) request {
			return get(query("/graph/search", "q", s.texts[i%len(s.texts)], "match", s.mode, "limit", "10"))
		})
	}
}

// asOf reads nodes as they were before they changed.
func (b *bench) asOf(d *dataset) {
	ids, err := b.ids(d.keys[:min(200, len(d.keys))])
	if err != nil {
		b.add(row{name: "by id, as of before", fault: err})
		return
	}
	var before answer
	if before, err = b.clients[b.leader].do(b.ctx, get("/graph/nodes/"+ids[0])); err == nil {
		var last answer
		for _, id := range ids {
			if last, err = b.clients[b.leader].do(b.ctx, request{method: "PUT", path: "/graph/nodes/" + id, body: []byte(`{"label":"changed"}`)}); err != nil {
				break
			}
		}
		_, _ = b.clients[b.follower()].do(b.ctx, get("/graph/nodes/"+ids[0]+"?min_revision="+fmt.Sprint(last.revision)))
	}
	if err != nil {
		b.add(row{name: "by id, as of before", fault: err})
		return
	}
	then := fmt.Sprint(before.revision)
	b.op("by id, as of before a change", pointAim, b.follower(), func(i int) request {
		return get("/graph/nodes/" + ids[i%len(ids)] + "?as_of=" + then)
	})
	b.op("1 hop out, as of before", 0, b.follower(), func(i int) request {
		return get(query("/graph/neighbors", "key", d.keys[i%len(d.keys)], "direction", "out", "as_of", then))
	})
}
