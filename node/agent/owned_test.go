package agent

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// A credential that connects as often as it can leaves room for the others.
func TestOneCredentialDoesNotTakeAllConnections(t *testing.T) {
	n := newNode(t)
	n.server.mu.Lock()
	n.server.owned["key-1"] = maxOwnConns // as if they were there
	n.server.mu.Unlock()
	p := n.dial(t, "worker")
	if f := p.expect("error"); f.Code != message.CodeOverloaded || !strings.Contains(f.Error, "this credential") {
		t.Errorf("one more: %+v", f)
	}
	q := n.dial(t, "?auth")
	q.write(`{"type":"auth","token":"good"}`)
	q.expect("hello")
	_ = q.Conn.Close()
	waitFor(t, func() bool {
		n.server.mu.Lock()
		defer n.server.mu.Unlock()
		_, left := n.server.owned["key-2"]
		return !left
	})
}
