package httpapi

import (
	"io"
	"testing"

	"github.com/meshd/meshd/graphsync"
)

// inboxesOfNobody is asked nothing but to be watched.
type inboxesOfNobody struct{ Inboxes }

func (inboxesOfNobody) Watch(func([]string)) func() { return func() {} }

// wholeAPI has every route there is, and services that answer nothing.
func wholeAPI(t testing.TB) *API {
	cfg := testConfig(io.Discard)
	cfg.Mesh, cfg.Keys, cfg.Registry = struct{ Mesh }{}, struct{ Keys }{}, struct{ Registry }{}
	cfg.Messages, cfg.Inboxes, cfg.Agents = struct{ Messages }{}, inboxesOfNobody{}, struct{ Agents }{}
	cfg.Tasks, cfg.Proposals, cfg.Events, cfg.Insight = struct{ Tasks }{}, struct{ Proposals }{}, struct{ Events }{}, struct{ Insight }{}
	cfg.Graph, cfg.Watches, cfg.Sync, cfg.Backups = struct{ Graph }{}, struct{ Watches }{}, struct{ Sync }{}, struct{ Backups }{}
	cfg.Memory = graphsync.NewService(nil)
	a, err := build(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every field and parameter of every route says what it is, and no words are
// left of what is gone.
func TestEveryFieldIsDescribed(t *testing.T) {
	used := map[string]bool{}
	missing := describe(wholeAPI(t).huma.OpenAPI(), func(key, words string) {
		used[key] = used[key] || words == described[key]
	})
	for _, key := range missing {
		t.Errorf("%s has no description: give it a doc tag, or words in words*.go", key)
	}
	for key := range described {
		if !used[key] {
			t.Errorf("the words for %s describe nothing", key)
		}
	}
}
