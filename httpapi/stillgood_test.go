package httpapi

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshd/meshd/node/access"
)

// withdrawing can withdraw one credential.
type withdrawing struct {
	Authenticator
	key  string
	gone atomic.Bool
}

func (w *withdrawing) Authenticate(credential string) (access.Principal, error) {
	if credential == w.key && w.gone.Load() {
		return access.Principal{}, access.ErrBadCredential
	}
	return w.Authenticator.Authenticate(credential)
}

// A poll of an inbox waits for minutes. Who lost the credential or the name
// meanwhile was told the next message all the same.
func TestAPollEndsWithTheCredentialAndTheName(t *testing.T) {
	auth := &withdrawing{key: otherKey}
	a, _ := messageAPI(t, func(c *Config) { auth.Authenticator, c.Auth = c.Auth, auth })
	admin, other := "X-API-Key: "+adminKey, "X-API-Key: "+otherKey
	poll := func(agent string, want int, header string, lose func()) {
		t.Helper()
		claims(t, a, agent, header)
		got := make(chan answer, 1)
		go func() { got <- call(t, a, want, "GET", "/messages/"+agent+"?wait=1m&lease=1m", "", header) }()
		waiting(t, a, agent)
		lose()
		call(t, a, 200, "POST", "/messages", `{"to":"`+agent+`","body":"secret","durable":true}`, admin)
		if e := <-got; strings.Contains(e.text, "secret") {
			t.Errorf("%s: %s", agent, e.text)
		}
	}
	poll("name", 403, "X-API-Key: "+userKey, func() {
		call(t, a, 204, "DELETE", "/agents/name/owner", "", admin)
		claims(t, a, "name", other)
	})
	poll("credential", 401, other, func() { auth.gone.Store(true) })
}
