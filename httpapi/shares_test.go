package httpapi

import (
	"context"
	"io"
	"testing"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// One credential could have all requests of a node under way, by asking what takes
// minutes to answer, and nobody else was answered, administrators included.
func TestOneCredentialHeldAllRequestsOfANode(t *testing.T) {
	release := make(chan struct{})
	route, inside := held(release)
	cfg := testConfig(io.Discard)
	cfg.MaxInFlight = 4
	h := mustBuild(t, cfg, route).Handler()
	done := make(chan int, 3)
	for range 3 {
		go func() { done <- ask(t, h, "GET", "/held", "", "X-API-Key: "+viewerKey).StatusCode }()
		<-inside
	}
	res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+viewerKey)
	if e := refusal(t, res); e.Code != CodeOverloaded || res.Header.Get("Retry-After") == "" {
		t.Errorf("its fourth: %+v", e)
	}
	for range 2 { // what is given back can be taken again
		if res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+adminKey); res.StatusCode != 200 {
			t.Errorf("another credential got %d", res.StatusCode)
		}
	}
	close(release)
	for range 3 {
		if status := <-done; status != 200 {
			t.Errorf("one inside got %d", status)
		}
	}
	if res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+viewerKey); res.StatusCode != 200 {
		t.Errorf("after: %d", res.StatusCode)
	}
}

func TestOneCredentialHeldAllPollsOfANode(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard))
	a.polls = make(chan struct{}, 4)
	as := func(id string, role access.Role) context.Context {
		return context.WithValue(t.Context(), exchangeKey{}, &exchange{caller: access.Principal{ID: id, Role: role}, known: true})
	}
	greedy, other := as("greedy", access.RoleAgent), as("other", access.RoleAgent)
	var give func()
	for range 3 {
		var err error
		if give, err = a.takePoll(greedy); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.takePoll(greedy); err == nil || a.asError(greedy, err).Code != graphsync.CodeWatchers {
		t.Errorf("its fourth: %v", err)
	}
	last, err := a.takePoll(other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.takePoll(as("admin", access.RoleAdmin)); err == nil {
		t.Error("five of four")
	}
	last()
	give()
	for range 2 {
		for _, ctx := range []context.Context{greedy, other} {
			give, err := a.takePoll(ctx)
			if err != nil {
				t.Fatal(err)
			}
			give()
		}
	}
	if len(a.work.polls.held) != 1 {
		t.Errorf("%v", a.work.polls.held)
	}
}
