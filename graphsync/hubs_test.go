package graphsync

import (
	"slices"
	"testing"
)

func TestHubs(t *testing.T) {
	s := newService(t)
	hub, leaves := star(t, s, 9)
	mustEdge(t, s, NewEdge{SourceID: hub.ID, TargetID: hub.ID, EdgeType: "LOOP"})
	mustEdge(t, s, NewEdge{SourceID: leaves[0].ID, TargetID: leaves[1].ID, EdgeType: "A"})
	_, info, err := s.GetNode(bg, stale, "", hub.ID)
	if err != nil {
		t.Fatal(err)
	}
	later := mustEdge(t, s, NewEdge{SourceID: leaves[2].ID, TargetID: leaves[1].ID, EdgeType: "A"})
	for name, c := range map[string]struct {
		q       HubsQuery
		ids     []uint64
		degrees []uint64
	}{
		"all":       {HubsQuery{Limit: 2}, []uint64{hub.ID, leaves[1].ID}, []uint64{11, 3}},
		"out":       {HubsQuery{Direction: Out}, []uint64{hub.ID, leaves[0].ID, leaves[2].ID}, []uint64{10, 1, 1}},
		"of a type": {HubsQuery{EdgeType: "A", Direction: In, Limit: 1}, []uint64{leaves[1].ID}, []uint64{2}},
		"nodes":     {HubsQuery{NodeType: "leaf", MinDegree: 3}, []uint64{leaves[1].ID}, []uint64{3}},
		"nothing":   {HubsQuery{EdgeType: "nothing"}, nil, nil},
		"then":      {HubsQuery{NodeType: "leaf", Limit: 2, When: When{Revision: info.Revision}}, []uint64{leaves[0].ID, leaves[1].ID}, []uint64{2, 2}},
		"elsewhere": {HubsQuery{Namespace: "other"}, nil, nil},
	} {
		if c.q.Namespace == "" {
			c.q.Namespace = "s"
		}
		got, _, err := s.Hubs(bg, stale, c.q)
		var ids, degrees []uint64
		for _, h := range got.Hubs {
			ids, degrees = append(ids, h.ID), append(degrees, h.Degree)
			if h.Degree != h.In+h.Out || h.Label == "" {
				t.Errorf("%s: %+v", name, h)
			}
		}
		if err != nil || !slices.Equal(ids, c.ids) || !slices.Equal(degrees, c.degrees) || got.Truncated {
			t.Errorf("%s: %v with %v, %v; want %v with %v", name, ids, degrees, err, c.ids, c.degrees)
		}
	}
	if later.ID == 0 {
		t.Error("no edge")
	}
	small := HubsQuery{Namespace: "s", Answer: Answer{Budget: MinBudget}}
	if got, _, err := s.Hubs(bg, stale, small); err != nil || !got.Truncated || len(got.Hubs) == 0 {
		t.Errorf("%d hubs, %v", len(got.Hubs), err)
	}
	for name, q := range map[string]HubsQuery{"type": {EdgeType: "a b"}, "node_type": {NodeType: "a b"}, "limit": {Limit: -1}, "direction": {Direction: "up"}} {
		q.Namespace = "s"
		if _, _, err := s.Hubs(bg, stale, q); field(err) != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
