package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// watched is a line of a stream of JSON lines.
type watched struct {
	ID       string
	Revision uint64
	Order    uint64
	Bookmark *struct{ Revision uint64 }
	Cut      *struct{ Code, Since string }
	Data     struct {
		Label      string
		Properties struct {
			Sent int64 `json:"sent"`
		}
	}
	came time.Time
}

// stream follows a namespace at one node until ctx ends or the node does.
func stream(ctx context.Context, n *realmesh.Node, pin, key, query string) (*http.Response, error) {
	transport := &http.Transport{TLSClientConfig: realmesh.PinnedTLS(pin)}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+n.Address+"/graph/stream?"+query, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Accept", "application/x-ndjson")
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err == nil && res.StatusCode != http.StatusOK {
		defer res.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		err = fmt.Errorf("%s: %s", res.Status, text)
	}
	return res, err
}

// follower sees the changes of a namespace at whichever of its nodes answers.
type follower struct {
	nodes []*realmesh.Node
	pins  []string
	key   string
	got   []watched
	ended int // connections
}

// follow goes on until a label has come.
func (f *follower) follow(ctx context.Context, begun chan<- struct{}, last string) error {
	since := "0"
	for at := 0; ; at++ {
		i := at % len(f.nodes)
		res, err := stream(ctx, f.nodes[i], f.pins[i], f.key, "session_id=w&since="+since)
		if err != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("after %d changes: %w", len(f.got), err)
			}
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if begun != nil {
			close(begun)
			begun = nil
		}
		lines := bufio.NewReader(res.Body)
		for {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				break
			}
			var w watched
			if err := json.Unmarshal(line, &w); err != nil {
				return err
			}
			w.came = time.Now()
			if since = w.ID; w.Bookmark != nil || w.Cut != nil {
				continue
			}
			f.got = append(f.got, w)
			if w.Data.Label == last {
				return res.Body.Close()
			}
		}
		_ = res.Body.Close()
		f.ended++
	}
}

// What is written at one node is seen at the others, each change once and in
// order, though the leader is killed and every watcher goes on at another node.
func TestWatchersSeeEveryChangeOnce(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	key := nodes[0].AdminKey()
	var pins []string
	var clients []*realmesh.Client
	for _, n := range nodes {
		pins = append(pins, n.Pin())
		clients = append(clients, n.Client(key))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	const last = "last"
	followers := []*follower{
		{nodes: []*realmesh.Node{nodes[1], nodes[2], nodes[0]}, pins: []string{pins[1], pins[2], pins[0]}, key: key},
		{nodes: []*realmesh.Node{nodes[2], nodes[0], nodes[1]}, pins: []string{pins[2], pins[0], pins[1]}, key: key},
	}
	done := make(chan error, len(followers))
	for _, f := range followers {
		begun := make(chan struct{})
		go func() { done <- f.follow(ctx, begun, last) }()
		<-begun
	}
	// Writes go to whichever node takes them; what is not known to be written
	// is repeated under its key.
	write := func(label string, at int) {
		t.Helper()
		body := map[string]any{"session_id": "w", "ops": []map[string]any{
			{"op": "create_node", "type": "note", "label": label + " a"},
			{"op": "create_node", "type": "note", "label": label, "properties": map[string]any{"sent": time.Now().UnixNano()}},
		}}
		realmesh.Eventually(t, 30*time.Second, "a write is taken", func() error {
			at++
			a, err := clients[at%3].Ask(http.MethodPost, "/graph/batch", body, "Idempotency-Key", label)
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("%s", a)
			}
			return err
		})
	}
	var wrote []string
	answered := map[string]time.Time{}
	put := func(label string, at int) {
		write(label, at)
		answered[label] = time.Now()
		wrote = append(wrote, label+" a", label)
	}
	for i := range 60 {
		put("calm"+strconv.Itoa(i), 2) // at the first node
	}
	// First the leader is killed, then the node that the first watcher asks.
	for i, victim := range []*realmesh.Node{realmesh.Leader(t, nodes...), nodes[1]} {
		victim.Kill()
		for j := range 20 {
			put(fmt.Sprintf("storm%d-%d", i, j), j)
		}
		victim.Start("serve")
		victim.WaitServing()
		realmesh.Alive(t, 30*time.Second, nodes...)
		for j := range 10 {
			put(fmt.Sprintf("after%d-%d", i, j), j)
		}
	}
	put(last, 0)
	for range followers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for i, f := range followers {
		var labels []string
		var took, after []time.Duration
		for j, w := range f.got {
			labels = append(labels, w.Data.Label)
			if j > 0 && (w.Revision < f.got[j-1].Revision || w.Revision == f.got[j-1].Revision && w.Order <= f.got[j-1].Order) {
				t.Errorf("watcher %d: %s comes after %s", i, w.ID, f.got[j-1].ID)
			}
			if w.Data.Properties.Sent != 0 && j < 120 {
				took = append(took, w.came.Sub(time.Unix(0, w.Data.Properties.Sent)))
				after = append(after, w.came.Sub(answered[w.Data.Label]))
			}
		}
		if !slices.Equal(labels, wrote) {
			t.Errorf("watcher %d saw %d changes of %d, and not these", i, len(labels), len(wrote))
		}
		if i == 0 && f.ended == 0 {
			t.Error("the first watcher's node was killed, and its connection has not ended")
		}
		slices.Sort(took)
		slices.Sort(after)
		t.Logf("watcher %d: %d connections ended; to the event at another node, p50, p95 and most: from before the write %s, %s, %s; from its answer %s, %s, %s", i, f.ended,
			took[len(took)/2], took[len(took)*95/100], took[len(took)-1], after[len(after)/2], after[len(after)*95/100], after[len(after)-1])
	}
}

// A watcher that does not read is cut and told, and the writer does not wait
// for it; where it was cut it can go on.
func TestASlowWatcherIsCut(t *testing.T) {
	if !long() {
		t.Skip("writes 100,000 nodes: MESHD_TEST_LONG=1")
	}
	t.Parallel()
	n := realmesh.New(t, "alone")
	n.Found()
	key, pin := n.AdminKey(), n.Pin()
	c := n.Client(key)
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	res, err := stream(ctx, n, pin, key, "session_id=w")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	const batches, size = 100, 1000
	start := time.Now()
	var slowest time.Duration
	for b := range batches {
		var ops []map[string]any
		for i := range size {
			ops = append(ops, map[string]any{"op": "create_node", "type": "note", "label": fmt.Sprintf("%d-%d", b, i), "properties": map[string]any{"text": "some text that fills the connection's buffers and then some"}})
		}
		began := time.Now()
		c.Want(http.StatusOK, nil, http.MethodPost, "/graph/batch", map[string]any{"session_id": "w", "ops": ops})
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("%d changes written in %s beside a watcher that does not read; the slowest batch of %d took %s", batches*size, time.Since(start), size, slowest)
	seen, since := 0, ""
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for since == "" {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the stream ended after %d changes without a word: %v", seen, err)
		}
		var w watched
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		switch {
		case w.Cut != nil:
			if w.Cut.Code != "TOO_SLOW" || w.Cut.Since != w.ID {
				t.Fatalf("%s", line)
			}
			since = w.Cut.Since
		case w.Bookmark == nil:
			seen++
		}
	}
	t.Logf("it was cut after %d changes", seen)
	start = time.Now()
	res, err = stream(ctx, n, pin, key, "session_id=w&since="+since+"&include=ids")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for lines = bufio.NewReader(res.Body); seen < batches*size; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		var w watched
		if err := json.Unmarshal(line, &w); err != nil {
			t.Fatal(err)
		}
		if w.Bookmark == nil {
			seen++
		}
	}
	t.Logf("it had the rest %s after", time.Since(start))
}
