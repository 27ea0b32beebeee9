package e2e_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// The verbs and older routes of messages, each at a node that does not lead.
func TestMessageVerbsAtFollowers(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	followers := others(nodes, leaderOf(t, nodes...))
	one, two := followers[0], followers[1]
	_, key := one.APIKey("agent")
	_, other := one.APIKey("agent")
	identity := filepath.Join(t.TempDir(), "reviewer.key")

	says(t, one.Must("agents", "key", "reviewer", "--generate", identity), "sha256:", "age1pq1")
	if info, err := os.Stat(identity); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	realmesh.Eventually(t, 10*time.Second, "the key is known at the other node", func() error {
		if r := two.Run("agents", "key", "reviewer"); r.Code != 0 {
			return errors.New(r.Stderr)
		}
		return nil
	})
	says(t, two.Must("send", "reviewer", "the password", "--durable", "--seal"), "accepted, as ")
	says(t, two.Must("send", "reviewer", `{"n":1}`, "--durable", "--id", "job-1", "--priority", "high"), "accepted, as job-1")
	says(t, one.Must("send", "reviewer", `{"n":1}`, "--durable", "--id", "job-1"), "accepted before")
	says(t, two.Must("inbox", "reviewer", "--identity", identity), "the password", `{"n":1}`)
	if out := two.Must("inbox", "reviewer"); strings.Contains(out, "password") {
		t.Errorf("it went in the clear:\n%s", out)
	}
	says(t, two.Must("inbox", "reviewer", "--follow", "--limit", "2"), "(sealed)", `{"n":1}`)
	says(t, two.Must("inbox", "reviewer", "--follow", "--ack-all", "--limit", "2"), "(sealed)", `{"n":1}`)
	says(t, two.Must("inbox", "reviewer"), "nothing waits")
	says(t, two.Must("agents", "--all"), "reviewer")
	wantExit(t, two.Run("send", "topic/builds/done", "ok", "--durable"), 4, "no agent takes this topic durably")
	one.Must("agents", "topics", "reviewer", "--add", "builds/*")
	says(t, one.Must("send", "topic/builds/done", "ok", "--durable"), "accepted for 1")
	says(t, one.Must("inbox", "reviewer", "--purge", "--yes"), "1 are dead letters")
	says(t, one.Must("inbox", "reviewer", "--redrive", "all"), "1 wait")

	// The older routes: two agents of two credentials, at two nodes.
	a, b := one.Client(key), two.Client(other)
	var sent struct {
		ID         string   `json:"message_id"`
		Recipients []string `json:"delivered_to"`
	}
	b.Want(http.StatusOK, nil, "GET", "/messages/bob", nil)
	a.Want(http.StatusOK, &sent, "POST", "/messages/send/ann", map[string]any{"target_instance": "bob", "message_type": "task_delegation", "payload": 1})
	var inbox struct {
		Messages []struct {
			ID     string `json:"message_id"`
			Source string `json:"source_instance"`
			Type   string `json:"message_type"`
		}
	}
	b.Want(http.StatusOK, &inbox, "GET", "/messages/bob?wait=20s&lease=1m", nil)
	if len(inbox.Messages) != 1 || inbox.Messages[0].ID != sent.ID || inbox.Messages[0].Source != "ann" || inbox.Messages[0].Type != "TaskDelegation" {
		t.Errorf("%+v", inbox)
	}
	for _, refused := range []string{"/messages/bob", "/messages/bob/dead", "/messages/bob?wait=1s"} {
		if got := a.Want(http.StatusForbidden, nil, "GET", refused, nil); got.Code() != "NOT_YOUR_AGENT" {
			t.Error(got)
		}
	}
	a.Want(http.StatusForbidden, nil, "POST", "/messages/send/bob", map[string]any{"message_type": "Query", "payload": 1})
	b.Want(http.StatusNoContent, nil, "POST", "/messages/ack/bob", map[string]any{"message_ids": []string{sent.ID}})
}
