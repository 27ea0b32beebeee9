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
	name              string
	theirs, ours, own row // own: ours from a client in Go
}

// beside asks the reference server and meshd for the same, on the same data,
// with the same client.
func (b *bench) beside(entities int) {
	theirs, err := b.askReference(entities)
	if err != nil {
		b.out.err = fmt.Errorf("asking the reference server: %w", err)
		return
	}
	url := b.clients[b.follower()].base + mcpPath
	ours, err := b.runPeer(newPlan("node", entities, b.budget), os.Environ(), url, b.mesh.Key)
	if err != nil {
		b.out.err = fmt.Errorf("asking meshd as a memory server: %w", err)
		return
	}
	own := b.askTools(newPlan("go", entities, b.budget))
	for _, o := range newPlan("", entities, 0).Operations {
		b.out.rivals = append(b.out.rivals, rival{o.Name, theirs.row(o.Name), ours.row(o.Name), own[o.Name]})
	}
	b.out.floors = append(b.out.floors,
		fmt.Sprintf("`ping` with this client: reference server %s ms, meshd %s ms", ms(p50(theirs.Ping)), ms(p50(ours.Ping))),
		fmt.Sprintf("%d concurrent create_entities: the reference server acknowledged %d and kept %d; meshd acknowledged %d and kept %d", racers, theirs.Acknowledged, theirs.Kept, ours.Acknowledged, ours.Kept),
		fmt.Sprintf("the reference server was resident at most with %s MB", mb(theirs.Peak<<10)))
}

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
	return b.runPeer(newPlan("reference", entities, b.budget), append(os.Environ(), "MEMORY_FILE_PATH="+file))
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
