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

// A credential that sends as many large frames at once as it can leaves room for
// those of the others.
func TestOneCredentialDoesNotTakeAllLargeFrames(t *testing.T) {
	f := shares{most: maxLarge, own: maxOwnLarge}
	if !f.charge("greedy", maxOwnLarge) || f.charge("greedy", 1) {
		t.Error("a credential has three quarters")
	}
	if !f.charge("other", maxLarge/8) {
		t.Error("another has no room")
	}
	f.release("greedy", maxOwnLarge+1)
	f.release("other", maxLarge/8)
	if f.all != 0 || len(f.owned) != 0 || !f.charge("greedy", maxOwnLarge) {
		t.Errorf("%d are left of %v", f.all, f.owned)
	}
}

// A credential whose connections all broke leaves the others theirs to resume.
func TestOneCredentialDoesNotTakeAllSessionsThatWait(t *testing.T) {
	n := newNode(t)
	for _, greedy := range []bool{true, false} {
		p := n.dial(t, "worker?auth")
		p.write(`{"type":"auth","token":"good"}`)
		secret := p.expect("hello").Session
		p.write(`{"type":"hello","resume":true}`)
		p.write(`{"type":"ping","id":"1"}`)
		p.expect("pong")
		owner := map[bool]string{true: "key-2", false: "key-3"}[greedy]
		n.server.aways.charge(owner, maxOwnAway) // as if they were there
		_ = p.NetConn().Close()
		waitFor(t, func() bool { return n.server.Connections() == 0 })
		if waits := n.server.session(secret) != nil; waits == greedy {
			t.Errorf("its session waits for it: %v", waits)
		}
		n.server.aways.release(owner, maxOwnAway)
	}
}
