//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

const (
	registerSpace = "registers"
	elementSpace  = "elements"
	hubPrefix     = "hub/" // labels of the graph nodes that edges lie between
	// Registers are replaced now and then, so that no history grows beyond
	// what a search for its order can manage.
	registersAtOnce = 5
	registerLife    = 15 * time.Second
)

// register is a graph node whose property "value" clients write.
type register struct {
	key string
	id  uint64
}

// board is what clients know together.
type board struct {
	mu        sync.Mutex
	registers []register
	initial   map[string]string
	versions  map[string]uint64 // the newest known of each register
	elements  []check.Op        // added and not deleted, to look for
	hubs      []uint64          // graph nodes between which edges lie
	news      bool              // the durable subscriptions are made
}

// work is the life of a client: one operation after the other until ctx ends.
func (c *client) work(ctx context.Context) {
	defer c.close()
	c.move()
	for i := 0; ctx.Err() == nil; i++ {
		if c.rng.IntN(20) == 0 {
			c.move()
		}
		ok := c.operation(ctx, i)
		pause := time.Duration(c.rng.ExpFloat64() * float64(c.run.cfg.Think))
		if !ok {
			pause += 50 * time.Millisecond
			if c.rng.IntN(2) == 0 {
				c.move()
			}
		}
		select {
		case <-time.After(min(pause, time.Second)):
		case <-ctx.Done():
		}
	}
}

func (c *client) operation(ctx context.Context, i int) bool {
	switch p := c.rng.IntN(100); {
	case p < 20:
		return c.read(check.Read)
	case p < 36:
		return c.write(ctx, i)
	case p < 47:
		return c.cas(i)
	case p < 55:
		return c.read(check.Stale)
	case p < 60:
		return c.readOwn(i)
	case p < 67:
		return c.add(ctx, i)
	case p < 72:
		return c.edge(ctx, i)
	case p < 75:
		return c.victim(ctx, i)
	case p < 78:
		return c.batch(ctx, i)
	case p < 86:
		return c.sendDurable(ctx, i)
	case p < 92:
		return c.takeSome()
	case p < 95:
		return c.askTask(ctx, i)
	case p < 98:
		return c.doTasks()
	default:
		return c.has()
	}
}

func (c *client) register() (register, bool) {
	b := &c.run.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.registers) == 0 {
		return register{}, false
	}
	return b.registers[c.rng.IntN(len(b.registers))], true
}

// value is unlike any other in the run.
func (c *client) value(i int) string { return fmt.Sprintf("c%d-%d", c.id, i) }

func (c *client) op(kind check.Kind, key string, a answer) check.Op {
	return check.Op{Client: c.id, Node: a.node, Kind: kind, Key: key, Version: a.version, Revision: a.revision,
		Call: a.call, Return: a.back, Outcome: a.outcome, Code: a.code, Replayed: a.replayed}
}

func valueBody(v string) any { return map[string]any{"properties": map[string]any{"value": v}} }

// write sets a register. One in three carries an idempotency key and is
// repeated at any node until it is acknowledged or refused: that is one
// operation, from the first call to the last answer.
func (c *client) write(ctx context.Context, i int) bool {
	r, ok := c.register()
	if !ok {
		return false
	}
	v := c.value(i)
	path := "/graph/nodes/" + strconv.FormatUint(r.id, 10)
	if c.rng.IntN(3) > 0 {
		a := c.ask(http.MethodPut, path, valueBody(v))
		op := c.op(check.Write, r.key, a)
		op.Value = v
		c.done(op)
		return a.outcome == check.OK
	}
	a := c.repeat(ctx, http.MethodPut, path, valueBody(v), v)
	op := c.op(check.Write, r.key, a)
	op.Value, op.Idempotent = v, v
	c.done(op)
	return a.outcome == check.OK
}

// repeat asks with an idempotency key, or none where the body has an id that
// stands for it, at one node after the other, until the
// request is acknowledged or has certainly never been taken. Its outcome is
// that of all tries together.
func (c *client) repeat(ctx context.Context, method, path string, body any, key string) answer {
	var first int64
	taken := false
	for try := 0; ; try++ {
		var headers []string
		if key != "" {
			headers = []string{"Idempotency-Key", key}
		}
		a := c.ask(method, path, body, headers...)
		if try == 0 {
			first = a.call
		}
		a.call = first
		if a.outcome == check.OK {
			return a
		}
		taken = taken || a.outcome == check.Unknown || a.code == "IDEMPOTENCY_IN_FLIGHT"
		if ctx.Err() != nil || try == 12 || (!taken && try == 3) {
			if taken {
				a.outcome = check.Unknown
			}
			return a
		}
		c.move()
		select {
		case <-time.After(time.Duration(100+c.rng.IntN(400)) * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// cas sets a register if its version is still the one known.
func (c *client) cas(i int) bool {
	r, ok := c.register()
	if !ok {
		return false
	}
	b := &c.run.board
	b.mu.Lock()
	expect := max(1, b.versions[r.key])
	b.mu.Unlock()
	v := c.value(i)
	a := c.ask(http.MethodPut, "/graph/nodes/"+strconv.FormatUint(r.id, 10), valueBody(v), "If-Match", `"`+strconv.FormatUint(expect, 10)+`"`)
	op := c.op(check.CAS, r.key, a)
	op.Value, op.Expect = v, expect
	if a.status == http.StatusPreconditionFailed {
		op.Outcome, op.Mismatch, op.Version = check.OK, true, 0
		// The next try should have a chance.
		c.read(check.Read)
	}
	c.done(op)
	return op.Outcome == check.OK
}

// read reads a register, linearizable or stale.
func (c *client) read(kind check.Kind) bool {
	r, ok := c.register()
	return ok && c.readAt(kind, r, 0)
}

func (c *client) readAt(kind check.Kind, r register, least uint64) bool {
	path := "/graph/nodes/" + strconv.FormatUint(r.id, 10)
	switch kind {
	case check.Read:
		path += "?consistency=linearizable"
	case check.AtLeast:
		path += "?min_revision=" + strconv.FormatUint(least, 10)
	}
	a := c.ask(http.MethodGet, path, nil)
	op := c.op(kind, r.key, a)
	op.MinRevision = least
	if a.outcome == check.OK {
		var n struct {
			Properties struct {
				Value string `json:"value"`
			} `json:"properties"`
			Version uint64 `json:"version"`
		}
		if !c.decode(a, &n) {
			return false
		}
		op.Value, op.Version = n.Properties.Value, n.Version
	} else if a.status == http.StatusNotFound && kind != check.Stale {
		c.run.problem("lost", "%s knows nothing of register %s (%s)", a.node, r.key, kind)
	} else if kind == check.AtLeast && a.code == "AHEAD" {
		c.run.problem("stale", "%s says that revision %d, which was acknowledged, does not exist", a.node, least)
	}
	c.done(op)
	return a.outcome == check.OK
}

// readOwn writes at one node and reads at another what it wrote.
func (c *client) readOwn(i int) bool {
	r, ok := c.register()
	if !ok {
		return false
	}
	v := c.value(i)
	a := c.ask(http.MethodPut, "/graph/nodes/"+strconv.FormatUint(r.id, 10), valueBody(v))
	op := c.op(check.Write, r.key, a)
	op.Value = v
	c.done(op)
	if a.outcome != check.OK {
		return false
	}
	c.move()
	return c.readAt(check.AtLeast, r, a.revision)
}

// done remembers an operation.
func (c *client) done(op check.Op) {
	b := &c.run.board
	if op.Outcome == check.OK && !op.Mismatch && op.Version > 0 {
		b.mu.Lock()
		b.versions[op.Key] = max(b.versions[op.Key], op.Version)
		b.mu.Unlock()
	}
	c.run.record(op)
}

// registrar makes registers for as long as ctx lasts.
func (c *client) registrar(ctx context.Context) {
	defer c.close()
	c.move()
	c.subscribe(ctx)
	for generation := 0; ctx.Err() == nil; generation++ {
		var made []register
		initial := map[string]string{}
		for k := range registersAtOnce {
			key := fmt.Sprintf("g%d-%d", generation, k)
			id, ok := c.found(ctx, registerSpace, key)
			if !ok {
				return
			}
			made = append(made, register{key, id})
			initial[key] = "new"
		}
		hub, ok := c.found(ctx, elementSpace, fmt.Sprintf("%s%d", hubPrefix, generation))
		if !ok {
			return
		}
		b := &c.run.board
		b.mu.Lock()
		b.registers = made
		b.hubs = append(b.hubs, hub)
		for k, v := range initial {
			b.initial[k] = v
		}
		b.mu.Unlock()
		select {
		case <-time.After(registerLife):
		case <-ctx.Done():
		}
	}
}

// found makes a graph node that the run needs, however long it takes.
func (c *client) found(ctx context.Context, space, label string) (uint64, bool) {
	body := map[string]any{"session_id": space, "node_type": "thing", "label": label, "properties": map[string]any{"value": "new"}}
	for ctx.Err() == nil {
		a := c.repeat(ctx, http.MethodPost, "/graph/nodes", body, space+"/"+label)
		var n struct{ ID uint64 }
		if a.outcome == check.OK && c.decode(a, &n) {
			c.run.accepted(a.back)
			return n.ID, true
		}
		c.move()
	}
	return 0, false
}
