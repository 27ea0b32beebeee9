package main

import (
	"fmt"
	"time"
)

// plan is what a memory server is asked; peer/peer.mjs reads it too.
type plan struct {
	Budget     float64     `json:"budget"` // milliseconds, of each operation
	Operations []planned   `json:"operations"`
	Race       *plannedRun `json:"race,omitempty"`
}

// planned is one operation: its calls in turn. Once: each call at most one time.
// After: only as many as that operation made.
type planned struct {
	Name  string `json:"name"`
	Tool  string `json:"tool"`
	Calls []any  `json:"calls"`
	Once  bool   `json:"once,omitempty"`
	After string `json:"after,omitempty"`
}

type plannedRun struct {
	Calls []any `json:"calls"`
	List  any   `json:"list"`
}

type object = map[string]any

// plannedCalls is how many different calls of an operation there are.
const plannedCalls = 300

// newPlan is the same calls for whoever asks, but for the names of what is made.
func newPlan(who string, entities int, budget time.Duration) *plan {
	random := fixed(11)
	names := make([]string, plannedCalls+1)
	for i := range names {
		names[i] = entityName(random.IntN(entities))
	}
	made := func(i int) string { return fmt.Sprintf("%s made %d", who, i) }
	said := func(i int) string { return fmt.Sprintf("%s said %d of it", who, i) }
	relation := func(i int) object {
		return object{"from": names[i], "to": names[i+1], "relationType": fmt.Sprintf("met_%s_%d", who, i)}
	}
	each := func(f func(i int) any) (out []any) {
		for i := range plannedCalls {
			out = append(out, f(i))
		}
		return out
	}
	p := &plan{Budget: float64(budget.Milliseconds())}
	add := func(name, tool string, once bool, after string, f func(i int) any) {
		p.Operations = append(p.Operations, planned{name, tool, each(f), once, after})
	}
	add("search_nodes, a rare word", "search_nodes", false, "", func(i int) any { return object{"query": rareWord(i % max(1, entities/10))} })
	add("search_nodes, nothing found", "search_nodes", false, "", func(i int) any { return object{"query": fmt.Sprintf("nowhere%dto be found", i)} })
	add("open_nodes, one", "open_nodes", false, "", func(i int) any { return object{"names": names[i : i+1]} })
	add("create_entities, one", "create_entities", true, "", func(i int) any {
		return object{"entities": []object{{"name": made(i), "entityType": "made", "observations": []string{"made to be measured"}}}}
	})
	add("create_relations, one", "create_relations", true, "", func(i int) any { return object{"relations": []object{relation(i)}} })
	add("add_observations, one", "add_observations", true, "", func(i int) any {
		return object{"observations": []object{{"entityName": names[i], "contents": []string{said(i)}}}}
	})
	add("delete_observations, one", "delete_observations", true, "add_observations, one", func(i int) any {
		return object{"deletions": []object{{"entityName": names[i], "observations": []string{said(i)}}}}
	})
	add("delete_relations, one", "delete_relations", true, "create_relations, one", func(i int) any { return object{"relations": []object{relation(i)}} })
	add("delete_entities, one", "delete_entities", true, "create_entities, one", func(i int) any { return object{"entityNames": []string{made(i)}} })
	add("read_graph", "read_graph", false, "", func(int) any { return object{} })
	p.Race = &plannedRun{}
	var racing []string
	for i := range racers {
		name := fmt.Sprintf("%s racing %d", who, i)
		racing = append(racing, name)
		p.Race.Calls = append(p.Race.Calls, object{"entities": []object{{"name": name, "entityType": "racer", "observations": []string{}}}})
	}
	p.Race.List = object{"names": racing}
	return p
}
