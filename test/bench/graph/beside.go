package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// asked is what peer/peer.mjs prints.
type asked struct {
	Ping       []float64
	Operations map[string]struct {
		MS    []float64
		Error string
	}
	Acknowledged, Kept int
	Peak               int64
}

// rival is one operation at the reference server and at meshd.
type rival struct {
	name   string
	theirs row
	stdio  row // meshd mcp, started by the same client
	https  row // /mcp of a node, by the same client
	own    row // /mcp of a node, by a client in Go
}

// compare asks the reference server and meshd for the same, on the same data,
// with the same client.
func (b *bench) compare(entities int) error {
	theirs, err := b.askReference(entities)
	if err != nil {
		return fmt.Errorf("asking the reference server: %w", err)
	}
	at := b.follower()
	stdio, err := b.runPeer(newPlan("stdio", entities, b.budget), os.Environ(), b.bin, "mcp", "--data", b.mesh.Dir(at), "--session", namespace)
	if err != nil {
		return fmt.Errorf("asking meshd mcp: %w", err)
	}
	https, err := b.runPeer(newPlan("https", entities, b.budget), append(os.Environ(), "MESHD_KEY="+b.mesh.Key), b.clients[at].base+mcpPath)
	if err != nil {
		return fmt.Errorf("asking /mcp: %w", err)
	}
	own := b.askTools(newPlan("go", entities, b.budget))
	for _, o := range newPlan("", entities, 0).Operations {
		b.out.rivals = append(b.out.rivals, rival{o.Name, theirs.row(o.Name), stdio.row(o.Name), https.row(o.Name), own[o.Name]})
	}
	reference := "was not asked, on so large a graph"
	if entities <= mostRaced {
		reference = fmt.Sprintf("acknowledged %d and kept %d", theirs.Acknowledged, theirs.Kept)
	}
	b.out.floors = append(b.out.floors,
		fmt.Sprintf("`ping` with this client: reference server %s ms, meshd mcp %s ms, /mcp %s ms", ms(p50(theirs.Ping)), ms(p50(stdio.Ping)), ms(p50(https.Ping))),
		fmt.Sprintf("%d concurrent create_entities: the reference server %s; meshd mcp acknowledged %d and kept %d; /mcp acknowledged %d and kept %d",
			racers, reference, stdio.Acknowledged, stdio.Kept, https.Acknowledged, https.Kept),
		fmt.Sprintf("the reference server was resident at most with %s MB", mb(theirs.Peak<<10)))
	return nil
}

// mostRaced is the largest graph on which the reference server is asked for
// many things at once: it holds all of it once for each of them.
const mostRaced = 10_000

// askReference starts the reference server on its own file of the data.
func (b *bench) askReference(entities int) (*asked, error) {
	file := filepath.Join(b.dir, "memory.jsonl")
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	if _, err = io.Copy(f, &made{entities: entities}); err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, err
	}
	program := filepath.Join(b.npm, "node_modules", "@modelcontextprotocol", "server-memory", "dist", "index.js")
	p := newPlan("reference", entities, b.budget)
	if entities > mostRaced {
		p.Race = nil
	}
	return b.runPeer(p, append(os.Environ(), "MEMORY_FILE_PATH="+file), "node", program)
}

// runPeer asks by peer/peer.mjs, which npm installed beside its packages.
func (b *bench) runPeer(p *plan, env []string, args ...string) (*asked, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "plan.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, "node", append([]string{filepath.Join(b.npm, "peer.mjs"), file}, args...)...)
	cmd.Env = append(env, "NODE_TLS_REJECT_UNAUTHORIZED=0", "NODE_NO_WARNINGS=1") // processes of our own on loopback
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %.300s", err, said.Bytes())
	}
	var a asked
	return &a, json.Unmarshal(out, &a)
}

func (a *asked) row(name string) (r row) {
	o := a.Operations[name]
	var all []time.Duration
	for _, x := range o.MS {
		all = append(all, milliseconds(x))
	}
	r.times(all)
	if o.Error != "" {
		r.fault = fmt.Errorf("%.120s", o.Error)
	}
	return r
}

func milliseconds(x float64) time.Duration { return time.Duration(x * float64(time.Millisecond)) }

func p50(all []float64) time.Duration {
	var r row
	var times []time.Duration
	for _, x := range all {
		times = append(times, milliseconds(x))
	}
	r.times(times)
	return r.p50
}
