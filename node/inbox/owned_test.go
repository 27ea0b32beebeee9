package inbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A credential that owns as many names as one may gets no more, whatever it
// asks with them; those it has stay its own, and a released one makes room.
func TestNamesOfACredentialAreBounded(t *testing.T) {
	w := newWorld(t)
	w.maxOwned = 3
	claim := func(name, principal, node string) ClaimResult {
		t.Helper()
		got, err := w.Claim(t.Context(), []Claim{{Agent: name, Principal: principal, Node: node}})
		if err != nil {
			t.Fatal(err)
		}
		return got[0]
	}
	for i := range 3 {
		if r := claim(fmt.Sprint("a", i), "greedy", ""); r.Owner != "greedy" {
			t.Fatal(r)
		}
	}
	if r := claim("a3", "greedy", "n"); r.Code != CodeTooMany || r.Owner != "" || !strings.Contains(r.Sentence, "owns 3 names") {
		t.Error(r)
	}
	if _, known, err := w.Agent(t.Context(), "a3"); known || err != nil {
		t.Error("a refused claim made an agent known", err)
	}
	if r := claim("a1", "greedy", "n"); r.Code != "" || r.Node != "n" {
		t.Error(r)
	}
	if r := claim("a3", "modest", ""); r.Owner != "modest" {
		t.Error(r)
	}
	if err := w.Release(t.Context(), "a1", KeepLetters); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Second)
	if r := claim("a4", "greedy", ""); r.Owner != "greedy" {
		t.Error(r)
	}
	// Of several in one breath too.
	got, err := w.Claim(t.Context(), []Claim{{Agent: "b0", Principal: "other"}, {Agent: "b1", Principal: "other"}, {Agent: "b2", Principal: "other"}, {Agent: "b3", Principal: "other"}, {Agent: "a4", Principal: "greedy", Node: "n"}})
	if err != nil || got[2].Owner != "other" || got[3].Code != CodeTooMany || got[4].Node != "n" {
		t.Error(got, err)
	}
}
