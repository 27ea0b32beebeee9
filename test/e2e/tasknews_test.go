package e2e_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/test/realmesh"
)

// Who may see a task hears of it, by WebSocket and by HTTP, and no other agent
// does.
func TestTasksAreNoNewsToOthers(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "alpha")
	n.Found()
	listen := func(key, name string) <-chan task.Event {
		c, err := client.New(client.Config{Nodes: []client.Node{{URL: "https://" + n.Address, Pin: n.Pin()}}, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		heard := make(chan task.Event, 64)
		a, err := c.Attach(t.Context(), client.AgentConfig{Name: name, Events: []string{"task.*"}, OnEvent: func(e client.Event) {
			var of task.Event
			if err := json.Unmarshal(e.Data, &of); err != nil {
				t.Errorf("%s: %v", e.Data, err)
			}
			heard <- of
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Close() })
		return heard
	}
	_, workerKey := n.APIKey("agent")
	_, spyKey := n.APIKey("agent")
	ears := map[string]<-chan task.Event{"worker": listen(workerKey, "worker"), "spy": listen(spyKey, "spy"), "an operator": listen(n.AdminKey(), "")}
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+n.Address+"/events?types=task.*", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask.Header.Set("Authorization", "Bearer "+spyKey)
	ask.Header.Set("Accept", "application/x-ndjson")
	res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: realmesh.PinnedTLS(n.Pin())}}).Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	feed := bufio.NewScanner(res.Body)
	if feed.Scan(); !strings.Contains(feed.Text(), "bookmark") {
		t.Fatalf("%s: the feed begins with %s", res.Status, feed.Text())
	}

	admin := n.Client(n.AdminKey())
	for _, name := range []string{"worker", "spy"} {
		admin.Want(http.StatusCreated, nil, http.MethodPost, "/tasks", map[string]any{"agent": name, "type": "for " + name, "body": 1})
	}
	for who, want := range map[string]string{"worker": "for worker", "spy": "for spy", "an operator": "for worker"} {
		select {
		case e := <-ears[who]:
			if e.Type != want {
				t.Errorf("%s hears first of the task %q: %+v", who, e.Type, e)
			}
		case <-time.After(time.Minute):
			t.Errorf("%s hears of no task", who)
		}
	}
	for feed.Scan() {
		if line := feed.Text(); strings.Contains(line, "task.") {
			if !strings.Contains(line, "for spy") {
				t.Errorf("by HTTP it hears %s", line)
			}
			break
		}
	}
}
