package httpapi

import (
	"testing"

	"github.com/meshd/meshd/node/access"
)

// dated counts how often it is asked, and can withdraw all it has let in.
type dated struct {
	keys
	generation uint64
	asked      int
	withdrawn  bool
}

func (d *dated) Generation() uint64 { return d.generation }

func (d *dated) Authenticate(credential string) (access.Principal, error) {
	d.asked++
	if d.withdrawn {
		return access.Principal{}, access.ErrBadCredential
	}
	return d.keys.Authenticate(credential)
}

// A connection asks for its credential once, and again when any has changed.
func TestCredentialsAreAskedForAgainWhenTheyChange(t *testing.T) {
	a := syncAPI(t)
	auth := &dated{keys: a.cfg.Auth.(keys), generation: 1}
	a.cfg.Auth = auth
	s := &socketFrames{api: a, route: &Route{Role: access.RoleViewer, Scope: AnyScope}, credential: userKey}
	for range 3 {
		if s.Permit() != nil || s.Stay() != nil {
			t.Fatal("a good credential was refused")
		}
	}
	if auth.asked != 2 {
		t.Fatalf("asked %d times where nothing changed, for sending and for staying", auth.asked)
	}
	auth.generation, auth.withdrawn = 2, true
	for range 2 {
		if s.Permit() == nil || s.Stay() == nil {
			t.Fatal("a withdrawn credential is still good")
		}
	}
	auth.withdrawn = false
	if s.Permit() != nil || s.Stay() != nil {
		t.Fatal("a no was remembered")
	}
}
