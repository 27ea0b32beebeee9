//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/meshd/meshd/test/chaos/check"
)

// make asks once, or with an idempotency key again and again, for something to
// be made, and records it under its label.
func (c *client) make(ctx context.Context, kind check.Kind, path, label string, body any, insist bool) (uint64, bool) {
	var a answer
	var op check.Op
	if insist {
		a = c.repeat(ctx, http.MethodPost, path, body, label)
		op = c.op(kind, label, a)
		op.Idempotent = label
	} else {
		a = c.ask(http.MethodPost, path, body)
		op = c.op(kind, label, a)
	}
	if a.outcome == check.OK {
		var made struct{ ID uint64 }
		if !c.decode(a, &made) {
			return 0, false
		}
		op.ID = made.ID
	}
	c.done(op)
	return op.ID, a.outcome == check.OK
}

// add makes a graph node; three in four insist.
func (c *client) add(ctx context.Context, i int) bool {
	label := "n/" + c.value(i)
	id, ok := c.make(ctx, check.Add, "/graph/nodes", label, element(label), c.rng.IntN(4) > 0)
	if ok {
		c.show(check.Op{Kind: check.Add, Key: label, ID: id})
	}
	return ok
}

func element(label string) any {
	return map[string]any{"session_id": elementSpace, "node_type": "thing", "label": label}
}

// show tells the other clients of an element to look for.
func (c *client) show(op check.Op) {
	b := &c.run.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.elements = append(b.elements, op); len(b.elements) > 500 {
		b.elements = b.elements[100:]
	}
}

// edge makes an edge between two hubs.
func (c *client) edge(ctx context.Context, i int) bool {
	b := &c.run.board
	b.mu.Lock()
	if len(b.hubs) == 0 {
		b.mu.Unlock()
		return false
	}
	from, to := b.hubs[c.rng.IntN(len(b.hubs))], b.hubs[c.rng.IntN(len(b.hubs))]
	b.mu.Unlock()
	label := "e/" + c.value(i)
	id, ok := c.make(ctx, check.Edge, "/graph/edges", label, edgeBody(label, from, to), c.rng.IntN(2) == 0)
	if ok {
		c.show(check.Op{Kind: check.Edge, Key: label, ID: id})
	}
	return ok
}

func edgeBody(label string, from, to uint64) any {
	return map[string]any{"source_id": from, "target_id": to, "edge_type": "LINKS", "predicate": label}
}

// victim makes a graph node with an edge to a hub and deletes the node, which
// must take the edge with it.
func (c *client) victim(ctx context.Context, i int) bool {
	b := &c.run.board
	b.mu.Lock()
	if len(b.hubs) == 0 {
		b.mu.Unlock()
		return false
	}
	hub := b.hubs[c.rng.IntN(len(b.hubs))]
	b.mu.Unlock()
	label, link := "n/"+c.value(i)+"-victim", "e/"+c.value(i)+"-victim"
	id, ok := c.make(ctx, check.Add, "/graph/nodes", label, element(label), true)
	if !ok {
		return false
	}
	c.show(check.Op{Kind: check.Add, Key: label, ID: id})
	c.make(ctx, check.Edge, "/graph/edges", link, edgeBody(link, id, hub), false)
	var a answer
	if c.rng.IntN(2) == 0 {
		a = c.ask(http.MethodDelete, fmt.Sprintf("/graph/nodes/%d", id), nil)
	} else {
		a = c.repeat(ctx, http.MethodDelete, fmt.Sprintf("/graph/nodes/%d", id), nil, label+"/delete")
	}
	gone := c.op(check.Delete, label, a)
	gone.Version = 0
	c.done(gone)
	gone.Key = link
	c.done(gone)
	return a.outcome == check.OK
}

// batch makes some graph nodes at once, all or none; half insist.
func (c *client) batch(ctx context.Context, i int) bool {
	name := "b/" + c.value(i)
	labels := make([]string, 2+c.rng.IntN(4))
	ops := make([]any, len(labels))
	for k := range labels {
		labels[k] = fmt.Sprintf("%s/%d", name, k)
		ops[k] = map[string]any{"op": "create_node", "type": "thing", "label": labels[k]}
	}
	body := map[string]any{"session_id": elementSpace, "ops": ops}
	insist := c.rng.IntN(2) == 0
	var a answer
	if insist {
		a = c.repeat(ctx, http.MethodPost, "/graph/batch", body, name)
	} else {
		a = c.ask(http.MethodPost, "/graph/batch", body)
	}
	var made struct {
		Results []struct {
			ID      uint64 `json:"id"`
			Version uint64 `json:"version"`
		} `json:"results"`
	}
	if a.outcome == check.OK && (!c.decode(a, &made) || len(made.Results) != len(labels)) {
		c.run.problem("internal", "%s answers a batch of %d with %d results", a.node, len(labels), len(made.Results))
		return false
	}
	for k, label := range labels {
		op := c.op(check.Add, label, a)
		op.Batch, op.Version = name, 0
		if insist {
			op.Idempotent = label
		}
		if a.outcome == check.OK {
			op.ID = made.Results[k].ID
			c.show(check.Op{Kind: check.Add, Key: label, ID: op.ID})
		}
		c.done(op)
	}
	return a.outcome == check.OK
}

// has looks for an element that some client has made.
func (c *client) has() bool {
	b := &c.run.board
	b.mu.Lock()
	if len(b.elements) == 0 {
		b.mu.Unlock()
		return false
	}
	e := b.elements[c.rng.IntN(len(b.elements))]
	b.mu.Unlock()
	path := "/graph/nodes/"
	if e.Kind == check.Edge {
		path = "/graph/edges/"
	}
	a := c.ask(http.MethodGet, path+strconv.FormatUint(e.ID, 10)+"?consistency=linearizable", nil)
	op := c.op(check.Has, e.Key, a)
	op.ID, op.Version = e.ID, 0
	switch {
	case a.outcome == check.OK:
		op.Found = true
	case a.status == http.StatusNotFound && a.code == "NOT_FOUND":
		op.Outcome = check.OK
	}
	c.done(op)
	return op.Outcome == check.OK
}
