package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/test/realmesh"
)

// offlineJob is what a process that works offline is told, in its environment.
type offlineJob struct {
	Nodes []client.Node
	Key   string
	Path  string
	Run   int // names what it writes
}

const offlineJobEnv = "MESHD_TEST_OFFLINE_JOB"

func (j *offlineJob) open() (*client.Client, *client.Offline, error) {
	c, err := client.New(client.Config{Nodes: j.Nodes, Key: j.Key, Patience: time.Minute})
	if err != nil {
		return nil, nil, err
	}
	o, err := client.OpenOffline(client.OfflineConfig{Client: c, Path: j.Path, Namespace: "field"})
	return c, o, err
}

// TestOfflineProcess is no test: it is the process that others kill. It writes
// and catches up, without end, and says what was accepted.
func TestOfflineProcess(t *testing.T) {
	text := os.Getenv(offlineJobEnv)
	if text == "" {
		t.Skip("it is started by other tests")
	}
	var j offlineJob
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		t.Fatal(err)
	}
	_, o, err := j.open()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			_, _ = o.CatchUp(context.Background()) // as often as it can
		}
	}()
	hub := uint64(0)
	for i := 0; ; i++ {
		label := fmt.Sprintf("w%d-%d", j.Run, i)
		if err := o.Write(func(b *client.Batch) error {
			id, err := b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: &label}})
			if err == nil && hub != 0 {
				_, err = b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateEdge, SourceID: id, TargetID: hub, Type: "AFTER"}})
			}
			hub = id
			return err
		}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("wrote " + label)
	}
}

// A client that is killed again and again while it writes and pushes, and whose
// mesh loses its leader meanwhile, loses nothing that it had accepted, and
// nothing takes effect twice.
func TestAnOfflineClientLosesNothing(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	j := offlineJob{Key: nodes[0].AdminKey(), Path: filepath.Join(t.TempDir(), "replica")}
	for _, n := range nodes {
		j.Nodes = append(j.Nodes, client.Node{URL: "https://" + n.Address, Pin: n.Pin()})
	}
	var accepted []string
	life := func(run, writes int, meanwhile func()) {
		t.Helper()
		j.Run = run
		text, err := json.Marshal(j)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestOfflineProcess$", "-test.timeout=2m")
		cmd.Env = append(os.Environ(), offlineJobEnv+"="+string(text))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for got := 0; got < writes && lines.Scan(); {
			if label, ok := strings.CutPrefix(lines.Text(), "wrote "); ok {
				accepted = append(accepted, label)
				if got++; got == writes/2 && meanwhile != nil {
					meanwhile()
				}
			}
		}
		_ = cmd.Process.Kill()
		for lines.Scan() { // what it said before it died
			if label, ok := strings.CutPrefix(lines.Text(), "wrote "); ok {
				accepted = append(accepted, label)
			}
		}
		_ = cmd.Wait()
	}
	life(0, 120, nil)
	var dead *realmesh.Node
	life(1, 400, func() { dead = realmesh.Leader(t, nodes...); dead.Kill() })
	life(2, 120, nil)
	dead.Start("serve")
	dead.WaitServing()
	life(3, 400, func() { dead = realmesh.Leader(t, nodes...); dead.Kill() })
	dead.Start("serve")
	dead.WaitServing()

	c, o, err := j.open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer o.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	realmesh.Eventually(t, time.Minute, "the client catches up", func() error {
		_, err := o.CatchUp(ctx)
		return err
	})
	if problems, err := o.Problems(); err != nil || len(problems) > 0 || o.Pending() > 0 {
		t.Errorf("%d pending, %v, problems: %+v", o.Pending(), err, problems)
	}
	realmesh.Formed(t, 30*time.Second, nodes...)
	for _, n := range nodes {
		times := map[string]int{}
		for _, label := range n.Labels("field") {
			if times[label]++; times[label] > 1 {
				t.Errorf("%s has %s %d times", n.Name, label, times[label])
			}
		}
		for _, label := range accepted {
			if times[label] != 1 {
				t.Errorf("%s lacks %s, which was accepted", n.Name, label)
			}
		}
	}
	there, err := o.Nodes(0, 1<<20)
	if err != nil || len(there) < len(accepted) {
		t.Errorf("the replica has %d nodes of %d: %v", len(there), len(accepted), err)
	}
	t.Logf("%d writes accepted in four lives, %d nodes in the mesh", len(accepted), len(there))
}

// A replica that was away for longer than the mesh keeps its changes takes a
// snapshot, and pushes what it did all the same. Every other route of sync
// answers beside it, at any node.
func TestAReplicaThatWasAwayTooLong(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	admin := nodes[1].Client(nodes[0].AdminKey())
	j := offlineJob{Key: nodes[0].AdminKey(), Path: filepath.Join(t.TempDir(), "replica"),
		Nodes: []client.Node{{URL: "https://" + nodes[2].Address, Pin: nodes[2].Pin()}}}
	c, o, err := j.open()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer o.Close()
	label := "kept"
	id, err := o.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "note", Label: &label, Key: "kept"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := c.Changes(t.Context(), client.ChangesQuery{Namespace: "field"})
	if err != nil || len(page.Events) != 1 || !page.UpToDate {
		t.Fatalf("%+v %v", page, err)
	}
	// History beyond a mebibyte is forgotten: write more than that.
	admin.Want(http.StatusOK, nil, http.MethodPut, "/graph/retention", map[string]any{"days": 1, "bytes": 1 << 20})
	text := strings.Repeat("history ", 7000)
	var node struct{ ID uint64 }
	admin.Want(http.StatusCreated, &node, http.MethodPost, "/graph/nodes", map[string]any{"session_id": "field", "node_type": "note", "label": "changing", "properties": map[string]any{}})
	for i := range 60 {
		admin.Want(http.StatusOK, nil, http.MethodPut, "/graph/nodes/"+strconv.FormatUint(node.ID, 10), map[string]any{"properties": map[string]any{"n": i, "text": text}})
	}
	if _, err := c.Changes(t.Context(), client.ChangesQuery{Namespace: "field", Since: page.Token, MinRevision: page.Revision + 50}); !client.IsCode(err, client.CodeCompacted) {
		t.Fatalf("changes that are forgotten: %v", err)
	} else {
		var refused *client.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusGone || !refused.Flag("resync") || refused.Details["min_token"] == nil {
			t.Errorf("%+v", refused)
		}
	}
	if _, err := o.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpAddObservation, ID: id, Text: "said while away"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpUpdateNode, ID: node.ID, Label: &label}}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("it knows a node that it has not seen: %v", err)
	}
	r, err := o.CatchUp(t.Context())
	if err != nil || r.Snapshots != 1 || r.Applied != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if said, err := o.ObservationsOf(id); err != nil || len(said) != 1 {
		t.Errorf("%+v %v", said, err)
	}
	if n, err := o.Node(node.ID); err != nil || n.Label != "changing" {
		t.Errorf("%+v %v", n, err)
	}

	// The other routes, at three nodes.
	at := func(i int) *realmesh.Client { return nodes[i].Client(nodes[0].AdminKey()) }
	var st struct {
		VectorClock string `json:"vector_clock"`
		Revision    uint64
	}
	status, err := nodes[0].Status()
	if err != nil {
		t.Fatal(err)
	}
	at(0).Want(http.StatusOK, &st, http.MethodGet, "/sync/status/field/default", nil)
	var clock struct{ Versions map[string]uint64 }
	decode(t, st.VectorClock, &clock)
	if clock.Versions[status.MeshID] != st.Revision {
		t.Errorf("%+v, the mesh is %s", st, status.MeshID)
	}
	wrote := at(1).Want(http.StatusOK, nil, http.MethodPost, "/sync/configure/field/default", map[string]any{"sync_enabled": true, "conflict_resolution_strategy": "manual"})
	min := "?min_revision=" + strconv.FormatUint(wrote.Revision(), 10)
	for i := range nodes {
		var conf struct {
			Graphs []struct {
				Strategy string `json:"conflict_resolution_strategy"`
			}
		}
		at(i).Want(http.StatusOK, &conf, http.MethodGet, "/sync/configs/field"+min, nil)
		if len(conf.Graphs) != 1 || conf.Graphs[0].Strategy != "manual" {
			t.Errorf("%s: %+v", nodes[i].Name, conf)
		}
	}
	at(2).Want(http.StatusOK, nil, http.MethodPost, "/sync/bulk/field", map[string]any{"graphs": []string{"default", "second"}, "enabled": false})
	at(0).Want(http.StatusConflict, nil, http.MethodPost, "/sync/push", map[string]any{"session_id": "field", "client_id": "x",
		"mutations": []any{map[string]any{"seq": 1, "op": "create_node", "type": "note", "label": "refused"}}})
	at(1).Want(http.StatusOK, nil, http.MethodPost, "/sync/enable/field/default", map[string]any{"enabled": true})
	var asked struct {
		Payload struct {
			SyncType string `json:"sync_type"`
			Nodes    []any
		}
	}
	at(2).Want(http.StatusOK, &asked, http.MethodPost, "/sync/request"+min, map[string]any{"session_id": "field", "requesting_instance": "old"})
	if asked.Payload.SyncType != "full" || len(asked.Payload.Nodes) != 2 {
		t.Errorf("%+v", asked)
	}
	seen := map[string]any{"versions": map[string]any{"old": 1}}
	at(0).Want(http.StatusOK, nil, http.MethodPost, "/sync/apply?instance_id=old", map[string]any{"sync_type": "full", "session_id": "field", "graph_name": "copy", "vector_clock": seen,
		"nodes": []any{map[string]any{"id": 1, "node_type": "Entity", "label": "theirs", "properties": map[string]any{}, "vector_clock": seen}}})
	var pushed graphsync.PushAnswer
	at(1).Want(http.StatusOK, &pushed, http.MethodPost, "/sync/push", map[string]any{"session_id": "field", "client_id": "x", "base_revision": 1,
		"mutations": []any{map[string]any{"seq": 1, "op": "update_node", "id": node.ID, "label": "mine"}}})
	out := nodes[2].Must("sync", "conflicts", "-n", "field", "--json")
	var open []struct{ ID uint64 }
	realmesh.Eventually(t, 10*time.Second, "the conflict is listed", func() error {
		out = nodes[2].Must("sync", "conflicts", "-n", "field", "--json")
		if decode(t, out, &open); len(open) != 1 {
			return fmt.Errorf("%+v: %s", pushed, out)
		}
		return nil
	})
	says(t, nodes[0].Must("sync", "status", "-n", "field"), "open conflicts", "both are kept")
	nodes[2].Must("sync", "resolve", strconv.FormatUint(open[0].ID, 10), "--keep", "current")
	if _, err := o.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	realmesh.Formed(t, 20*time.Second, nodes...)
	if labels := nodes[1].Labels("field/copy"); !slices.Contains(labels, "theirs") {
		t.Errorf("the payload brought %v", labels)
	}
}
