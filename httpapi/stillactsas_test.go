package httpapi

import (
	"context"
	"errors"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
)

// Who was attached when an administrator released the name, and another came to
// own it, went on being told what is for the new owner.
func TestAStreamEndsWhenItsNameComesToAnother(t *testing.T) {
	a, _ := messageAPI(t)
	url, client := serveTLS(t, a)
	claims(t, a, "reviewer") // by "user"
	s := openFeed(t, url, client, "/messages/reviewer/stream", userKey)
	s.next("bookmark")
	admin, other := "X-API-Key: "+adminKey, "X-API-Key: "+otherKey
	call(t, a, 204, "DELETE", "/agents/reviewer/owner", "", admin)
	// Nobody has claimed it: it is whose it was, as long as it stays.
	call(t, a, 200, "POST", "/messages", `{"id":"1","to":"reviewer","body":1,"durable":true}`, other)
	if e := s.next(""); e.body["message_id"] != "1" {
		t.Fatalf("%s", e.data)
	}
	claims(t, a, "reviewer", other)
	call(t, a, 200, "POST", "/messages", `{"id":"2","to":"reviewer","body":"secret","durable":true}`, other)
	if e := s.next("cut"); e.body["code"] != inbox.CodeNotYourAgent {
		t.Errorf("it ended with %s", e.data)
	}
}

func TestASessionEndsWhenItsNameComesToAnother(t *testing.T) {
	a, _ := messageAPI(t)
	claims(t, a, "reviewer")
	session := func(key, name string) *socketFrames {
		caller, err := a.cfg.Auth.Authenticate(key)
		if err != nil {
			t.Fatal(err)
		}
		return &socketFrames{api: a, route: &Route{Role: "agent", Scope: AnyScope}, caller: caller, credential: key, agent: name}
	}
	was, none, above, scoped := session(userKey, "reviewer"), session(userKey, ""), session(adminKey, "reviewer"), session(namedKey, "reviewer")
	stay := func(when string, s *socketFrames, want bool) {
		t.Helper()
		err := s.Stay()
		var no *consensus.Refusal
		if (err == nil) != want || err != nil && (!errors.As(err, &no) || no.Code != inbox.CodeNotYourAgent) {
			t.Errorf("%s: staying is %v", when, err)
		}
	}
	stay("its owner", was, true)
	if err := a.cfg.Inboxes.Release(context.Background(), "reviewer", inbox.NoLetters); err != nil {
		t.Fatal(err)
	}
	stay("released", was, true)
	claims(t, a, "reviewer", "X-API-Key: "+otherKey)
	for range 2 {
		stay("another's", was, false)
	}
	stay("no agent", none, true)
	stay("an administrator", above, true)
	stay("a scope for the name", scoped, true)
}
