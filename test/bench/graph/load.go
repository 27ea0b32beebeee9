package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// imported is the last line of the answer of an import.
type imported struct {
	Done                   bool
	Lines, Created, Errors int
	Nodes, Edges           int
	Revision               uint64
	Error, Code            string
	Line                   int
}

// load imports the graph at the leader, and waits until every node and its
// search have it.
func (b *bench) load(d *dataset) error {
	f, err := os.Open(d.file)
	if err != nil {
		return err
	}
	defer f.Close()
	cpu, begun := b.cpu(), time.Now()
	last, err := b.send(f)
	if err != nil {
		return err
	}
	took := time.Since(begun)
	if last.Errors > 0 || !last.Done {
		return fmt.Errorf("importing %s: %+v", d.name, last)
	}
	used := b.cpu() - cpu
	rate := float64(d.records()) / took.Seconds()
	b.out.say("%s nodes, %s edges and %s observations (%.0f MB of lines) imported in %s: **%s records/s**, %.3f CPU s of all servers for 1,000",
		thousands(d.nodes), thousands(d.edges), thousands(d.observations), float64(d.bytes)/1e6, seconds(took), thousands(int(rate)), used*1000/float64(d.records()))
	b.out.loaded = rate
	return b.caughtUp(d, last.Revision)
}

// send streams the lines and reads the progress beside it.
func (b *bench) send(f *os.File) (last imported, err error) {
	r := request{method: "POST", path: query("/graph/import"), header: map[string][]string{
		"Content-Type": {"application/x-ndjson"}, "Accept": {"application/x-ndjson"},
	}}
	res, err := b.clients[b.leader].open(b.ctx, r, f)
	if err != nil {
		return last, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		last = imported{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			return last, fmt.Errorf("%s: %w", lines.Bytes(), err)
		}
		if last.Error != "" {
			return last, fmt.Errorf("line %d: %s", last.Line, last.Error)
		}
	}
	return last, lines.Err()
}

// caughtUp waits until each node has applied a revision and its search too.
func (b *bench) caughtUp(d *dataset, revision uint64) error {
	at := fmt.Sprint(revision)
	for _, step := range []struct{ what, path string }{
		{"every node had it", query("/graph/stats", "min_revision", at)},
		{"search had caught up at every node", query("/graph/search", "q", d.searches[0].texts[0], "match", "words", "limit", "1", "min_revision", at)},
	} {
		begun := time.Now()
		for _, c := range b.clients {
			if err := until(b.ctx, 5*time.Minute, func() error { _, err := c.do(b.ctx, get(step.path)); return err }); err != nil {
				return err
			}
		}
		took := time.Since(begun)
		b.out.say("%s %s later", step.what, seconds(took))
		b.out.caughtUp = took
	}
	return nil
}

// memory says what each node holds.
func (b *bench) memory() {
	var anon, mapped, peak, disk []string
	for i, p := range b.mesh.Processes {
		rss, a, most := proc.Memory(p.PID())
		b.out.anonymous = max(b.out.anonymous, a)
		anon, mapped, peak = append(anon, mb(a<<10)), append(mapped, mb((rss-a)<<10)), append(peak, mb(most<<10))
		disk = append(disk, mb(b.mesh.Disk()[i]))
	}
	b.out.say("memory of each node: anonymous %s MB, mapped files %s MB (resident at most %s MB); disk %s MB; load of the machine %s",
		strings.Join(anon, ", "), strings.Join(mapped, ", "), strings.Join(peak, ", "), strings.Join(disk, ", "), proc.Load())
}
