package httpapi

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/access"
)

// someKeys are the API keys of a mesh.
type someKeys struct{ list []access.KeyInfo }

func (k someKeys) CreateKey(context.Context, access.NewKey) (access.KeyInfo, string, error) {
	panic("not asked")
}
func (k someKeys) List(context.Context) ([]access.KeyInfo, error)            { return k.list, nil }
func (k someKeys) Revoke(context.Context, string) (access.Revocation, error) { panic("not asked") }

// An administrator prepared a name with a key and topics, and the first agent that
// came owned it, with what had been sent to it since.
func TestAPreparedNameIsReservedForItsAgent(t *testing.T) {
	a, _ := messageAPI(t, func(c *Config) {
		c.Keys = someKeys{[]access.KeyInfo{{ID: "other"}, {ID: "gone", RevokedAt: 1}}}
	})
	admin, other := "X-API-Key: "+adminKey, "X-API-Key: "+otherKey
	key := fmt.Sprintf(`{"recipient":%q}`, testRecipient(t))

	// Unasked for, it is told whose the name is.
	for _, path := range []string{"/agents/reviewer/key", "/agents/reviewer/subscriptions"} {
		body := key
		if strings.HasSuffix(path, "subscriptions") {
			body = `{"topics":["builds/*"]}`
		}
		if got := call(t, a, 200, "PUT", path, body, admin); got.body["unowned"] != true {
			t.Error(got.text)
		}
	}
	for _, bad := range []string{"nobody", "gone"} {
		if e := call(t, a, 400, "PUT", "/agents/reviewer/owner", fmt.Sprintf(`{"owner":%q}`, bad), admin); !strings.Contains(e.text, "apikey list") {
			t.Error(e.text)
		}
	}
	call(t, a, 403, "PUT", "/agents/reviewer/owner", `{"owner":"me"}`, other)
	for range 2 {
		if got := call(t, a, 200, "PUT", "/agents/reviewer/owner", `{"owner":"other"}`, admin); strings.TrimSpace(got.text) != `{"name":"reviewer","owner":"other"}` {
			t.Error(got.text)
		}
	}
	if got := call(t, a, 200, "PUT", "/agents/reviewer/subscriptions", `{"topics":["builds/*"]}`, admin); got.body["unowned"] != nil {
		t.Error(got.text)
	}
	call(t, a, 200, "POST", "/messages", `{"to":"topic/builds/x","body":1,"durable":true}`, admin)
	// The first that comes is another, and gets nothing.
	call(t, a, 403, "GET", "/messages/reviewer?lease=1m", "", "X-API-Key: "+agentKey)
	if got := call(t, a, 200, "GET", "/messages/reviewer?lease=1m", "", other); len(got.body["messages"].([]any)) != 1 {
		t.Error(got.text)
	}
	e := call(t, a, 403, "PUT", "/agents/reviewer/owner", `{"owner":"me"}`, admin)
	if d := e.body["details"].(map[string]any); d["owner"] != "other" || !strings.Contains(e.text, "meshd agents release reviewer") {
		t.Error(e.text)
	}
}
