package e2e_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/test/realmesh"
)

// Of proposals hears who may read them. A credential for events alone heard of all,
// with their titles and who voted what.
func TestProposalsAreNoNewsToOthers(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "alpha")
	n.Found()
	listen := func(scopes ...string) *bufio.Scanner {
		args := []string{"apikey", "create", "--role", "user", "--name", strings.Join(scopes, " and ")}
		for _, s := range scopes {
			args = append(args, "--scope", s)
		}
		var made struct {
			Key string `json:"key"`
		}
		n.JSON(&made, args...)
		ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+n.Address+"/events?types=proposal.*,task.*", nil)
		if err != nil {
			t.Fatal(err)
		}
		ask.Header.Set("Authorization", "Bearer "+made.Key)
		ask.Header.Set("Accept", "application/x-ndjson")
		res, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: realmesh.PinnedTLS(n.Pin())}}).Do(ask)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		feed := bufio.NewScanner(res.Body)
		if feed.Scan(); !strings.Contains(feed.Text(), "bookmark") {
			t.Fatalf("%s: the feed begins with %s", res.Status, feed.Text())
		}
		return feed
	}
	reader, other := listen("events:read", "proposals:read"), listen("events:read")
	admin := n.Client(n.AdminKey())
	admin.Want(http.StatusCreated, nil, http.MethodPost, "/proposals", map[string]any{"kind": "policy_change", "title": "the title", "electors": []string{"worker"}})
	admin.Want(http.StatusCreated, nil, http.MethodPost, "/tasks", map[string]any{"agent": "worker", "body": 1})
	for feed, want := range map[*bufio.Scanner]string{reader: "proposal.", other: "task."} {
		for feed.Scan() {
			if line := feed.Text(); strings.Contains(line, "proposal.") || strings.Contains(line, "task.") {
				if !strings.Contains(line, `"`+want) {
					t.Errorf("whoever should hear of %s first hears %s", want, line)
				}
				break
			}
		}
	}
}
