package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A node that cannot reach the leader lets a second credential in under a name
// that it knows no owner of. Whoever hears from that agent is shown its credential
// and not the name, until the mesh has said whose it is; then it is closed.
func TestANameOfAnotherIsNotShownAcrossACut(t *testing.T) {
	if !long() {
		t.Skip("a mesh of its own: MESHD_TEST_LONG=1")
	}
	w := realmesh.NewWires(t)
	nodes := w.Mesh(3)
	a := realmesh.Leader(t, nodes...)
	others := without(nodes, a)
	b, c := others[0], others[1]
	_, owning := a.APIKey("agent")
	thief, stealing := a.APIKey("agent")
	_, reading := a.APIKey("agent")
	realmesh.Formed(t, 30*time.Second, nodes...)
	attach := func(n *realmesh.Node, name, key string) socket {
		t.Helper()
		s, err := dialSocket(t.Context(), n, "/agents/"+name+"/ws", key)
		if err == nil {
			_, err = s.next(30*time.Second, "hello")
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	reader := attach(c, "reader", reading)
	realmesh.Eventually(t, 30*time.Second, "the reader is known", func() error {
		answer, err := b.Client(reading).Ask(http.MethodGet, "/agents", nil)
		if err == nil && !strings.Contains(string(answer.Body), `"name":"reader"`) {
			err = fmt.Errorf("not among %s", answer)
		}
		return err
	})
	w.Split([]*realmesh.Node{a}, []*realmesh.Node{b})
	owner := attach(a, "fresh", owning)
	second := attach(b, "fresh", stealing)
	ended := make(chan error, 1)
	go func() {
		_, err := second.next(2*time.Minute, "never")
		ended <- err
	}()
	told := func() (from struct{ Agent, Principal string }) {
		t.Helper()
		_ = reader.SetReadDeadline(time.Now().Add(30 * time.Second))
		var f struct {
			From struct{ Agent, Principal string }
			Type string
		}
		for f.Type != "receive" {
			_, data, err := reader.ReadMessage()
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &f); err != nil {
				t.Fatal(err)
			}
		}
		return f.From
	}
	const toReader = `{"type":"send","id":"%d","to":"reader","body":%[1]d}`
	heard := 0
	for i := range 5 {
		if err := second.WriteMessage(1, fmt.Appendf(nil, toReader, i)); err != nil {
			break // the mesh was quicker
		}
		if from := told(); from.Principal != thief || from.Agent != "" {
			t.Fatalf("the reader was shown %+v, where %s may have no name", from, thief)
		}
		heard++
	}
	t.Logf("%d messages without a name", heard)
	w.Heal()
	select {
	case err := <-ended:
		t.Logf("then it was closed: %v", err)
	case <-time.After(time.Minute):
		t.Error("the name's second user was never told")
	}
	if err := owner.WriteMessage(1, fmt.Appendf(nil, toReader, 9)); err != nil {
		t.Fatal(err)
	}
	if from := told(); from.Agent != "fresh" {
		t.Errorf("the owner is shown as %+v", from)
	}
}
