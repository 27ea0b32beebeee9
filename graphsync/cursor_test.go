package graphsync

import (
	"fmt"
	"testing"
)

// A cursor that had lost its end was taken for a place where nothing follows,
// so a list ended early and looked whole.
func TestTruncatedCursorsAreRefused(t *testing.T) {
	s := newService(t)
	for _, ns := range []string{"s", "other"} {
		for i := range 4 {
			key := fmt.Sprint("k", i)
			n := mustCreate(t, s, NewNode{SessionID: ns, NodeType: "n", Label: "Label " + key, Key: key})
			for _, text := range []string{"a", "b"} {
				if _, _, _, err := s.AddObservation(bg, alice, NewObservation{SessionID: ns, NodeID: n.ID, Text: text}); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := s.CreateEdge(bg, alice, NewEdge{SessionID: ns, SourceID: n.ID, TargetID: n.ID, EdgeType: "T"}); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.UpdateNode(bg, alice, ns, n.ID, NodePatch{Label: ptr("Label of " + key)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	lists := map[string]func(ns, cursor string) (string, error){
		"nodes": func(ns, c string) (string, error) {
			p, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: ns, Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"nodes of a type": func(ns, c string) (string, error) {
			p, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: ns, Type: "n", Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"edges": func(ns, c string) (string, error) {
			p, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: ns, Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"labels": func(ns, c string) (string, error) {
			p, _, err := s.Find(bg, stale, FindQuery{Namespace: ns, Text: "label", Match: MatchPrefix, Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"observations": func(ns, c string) (string, error) {
			p, _, err := s.ListObservations(bg, stale, ObservationQuery{Namespace: ns, Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"history": func(ns, c string) (string, error) {
			p, _, err := s.HistoryOf(bg, stale, HistoryQuery{Namespace: ns, Key: "k1", Limit: 1, Cursor: c})
			return p.Cursor, err
		},
		"namespaces": func(_, c string) (string, error) {
			p, _, err := s.Namespaces(bg, stale, 1, c)
			return p.Cursor, err
		},
	}
	for name, list := range lists {
		c, err := list("s", "")
		if err != nil || c == "" {
			t.Errorf("%s: cursor %q %v", name, c, err)
			continue
		}
		if _, err := list("s", c); err != nil {
			t.Errorf("%s: %q: %v", name, c, err)
		}
		for i := 1; i < len(c); i++ {
			if _, err := list("s", c[:i]); code(err) != CodeInvalid {
				t.Fatalf("%s: %q of %q: %v", name, c[:i], c, err)
			}
		}
		if _, err := list("other", c); code(err) != CodeInvalid && name != "namespaces" && name != "history" {
			t.Errorf("%s: the cursor of another namespace is taken: %v", name, err)
		}
	}
}
