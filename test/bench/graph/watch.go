package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// quiet is longer than a node remembers that it was asked for anything.
const quiet = 500 * time.Millisecond

// watch measures from the answer to a write at the leader to its event at a
// watcher of another node; what a watcher has before the writer has its answer
// counts as 0.
func (b *bench) watch(d *dataset) {
	after := row{name: "watch: from the write's answer to the event at another node"}
	whole := row{name: "watch: from sending the write to that event"}
	fail := func(err error) { after.fault = err; b.add(after) }
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	r := get(query("/graph/stream"))
	r.header = http.Header{"Accept": {"text/event-stream"}}
	res, err := b.clients[b.follower()].open(ctx, r, nil)
	if err != nil {
		fail(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		fail(fmt.Errorf("/graph/stream: %s", res.Status))
		return
	}
	events := make(chan event, 1024)
	go readEvents(ctx, res.Body, events)
	// A follower that was just asked for something is told of commits sooner.
	time.Sleep(quiet)
	var late, total []time.Duration
	cpu := b.cpu()
	for end, i := time.Now().Add(b.budget), 0; time.Now().Before(end); i++ {
		begun := time.Now()
		a, err := b.clients[b.leader].do(ctx, post("/graph/nodes", map[string]any{"session_id": namespace, "node_type": "watched", "label": fmt.Sprintf("watched %d", i)}))
		if err != nil {
			fail(err)
			return
		}
		at, err := eventOf(ctx, events, a.revision)
		if err != nil {
			fail(err)
			return
		}
		late, total = append(late, max(0, at.Sub(a.at))), append(total, at.Sub(begun))
	}
	after.cpu = (b.cpu() - cpu) * 1000 / float64(len(late))
	whole.cpu = after.cpu
	after.times(late)
	whole.times(total)
	b.add(after)
	b.add(whole)
}

// event is a change and when the watcher had it.
type event struct {
	revision uint64
	at       time.Time
}

// readEvents reads server-sent events, which tell the revision they are of, and
// closes to at their end.
func readEvents(ctx context.Context, body io.Reader, to chan<- event) {
	defer close(to)
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := bytes.CutPrefix(lines.Bytes(), []byte("data:"))
		var told struct{ Revision uint64 }
		if !ok || json.Unmarshal(data, &told) != nil || told.Revision == 0 {
			continue
		}
		select {
		case to <- event{told.Revision, time.Now()}:
		case <-ctx.Done():
			return
		}
	}
}

// eventOf waits for the first event of a revision.
func eventOf(ctx context.Context, events <-chan event, revision uint64) (time.Time, error) {
	limit := time.After(5 * time.Second)
	for {
		select {
		case e, ok := <-events:
			switch {
			case !ok:
				return time.Time{}, fmt.Errorf("the stream ended")
			case e.revision == revision:
				return e.at, nil
			case e.revision > revision:
				return time.Time{}, fmt.Errorf("revision %d was not told, but %d was", revision, e.revision)
			}
		case <-limit:
			return time.Time{}, fmt.Errorf("revision %d was not told within 5 s", revision)
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}
