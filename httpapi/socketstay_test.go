package httpapi

import "testing"

// Who may only read may stay connected, though it may not send messages.
func TestReadersStayConnected(t *testing.T) {
	a := syncAPI(t)
	open := &Route{Role: "viewer", Scope: AnyScope}
	for key, sends := range map[string]bool{viewerKey: false, readsGraph: false, userKey: true} {
		caller, err := a.cfg.Auth.Authenticate(key)
		if err != nil {
			t.Fatal(err)
		}
		s := &socketFrames{api: a, route: open, caller: caller, credential: key}
		if err := s.Stay(); err != nil {
			t.Errorf("%s may not stay: %v", caller.ID, err)
		}
		if err := s.Permit(); (err == nil) != sends {
			t.Errorf("%s: sending messages: %v", caller.ID, err)
		}
		s.credential = "at_revokedrevokedrevokedrevoked"
		if s.Stay() == nil {
			t.Errorf("%s stays without a credential", caller.ID)
		}
	}
}
