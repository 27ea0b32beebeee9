package mcp

import (
	"context"
	"fmt"

	"github.com/meshd/meshd/graphsync"
)

// createEntities makes the entities whose names are new. Nobody is asked first
// which those are: the graph refuses a name that is taken, whoever was faster.
func createEntities(ctx context.Context, c Call, s *Server, in struct {
	Entities []Entity `json:"entities"`
}) (reply, error) {
	todo, err := distinct(in.Entities)
	if err != nil {
		return reply{}, err
	}
	mentioned := map[string]graphsync.Node{}
	for range maxRounds {
		if len(todo) == 0 {
			break
		}
		var ops []graphsync.Op
		var of []int // which entity each operation belongs to
		for i, e := range todo {
			if n, ok := mentioned[e.Name]; ok {
				ops = append(ops, opBecome(&n, e.Name, e.EntityType))
			} else {
				ops = append(ops, opNode(e.Name, e.EntityType))
			}
			for _, text := range e.Observations {
				ops = append(ops, opObservation(e.Name, text))
			}
			for len(of) < len(ops) {
				of = append(of, i)
			}
		}
		_, _, err := s.batch(ctx, c, ops)
		if err == nil {
			return created(todo), nil
		}
		if r, op := refused(err, graphsync.CodeKeyExists, graphsync.CodePrecondition, graphsync.CodeNotFound); r == nil || op < 0 || op >= len(of) {
			return reply{}, naming(err, "entities", of)
		}
		if todo, err = s.missing(ctx, c, todo, mentioned); err != nil {
			return reply{}, err
		}
	}
	if len(todo) > 0 {
		return reply{}, errContended
	}
	return created(nil), nil
}

func created(entities []Entity) reply {
	if entities == nil {
		entities = []Entity{}
	}
	return reply{what: map[string]any{"entities": entities}, shown: entities}
}

// distinct checks entities and drops repeated names and observations.
func distinct(in []Entity) ([]Entity, error) {
	names, out := map[string]bool{}, make([]Entity, 0, len(in))
	for i, e := range in {
		if err := checkName(fmt.Sprintf("entities[%d].name", i), e.Name); err != nil {
			return nil, err
		}
		if key := graphsync.NormalKey(e.Name); !names[key] {
			names[key] = true
			e.Observations = once(e.Observations)
			out = append(out, e)
		}
	}
	return out, nil
}

// once drops repetitions.
func once(texts []string) []string {
	seen, out := make(map[string]bool, len(texts)), make([]string, 0, len(texts))
	for _, t := range texts {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// missing leaves the entities that are not there yet, and says which of them
// are mentioned.
func (s *Server) missing(ctx context.Context, c Call, in []Entity, mentioned map[string]graphsync.Node) (out []Entity, _ error) {
	clear(mentioned)
	ro := now
	for _, e := range in {
		n, ok, err := s.node(ctx, ro, c, e.Name)
		if err != nil {
			return nil, err
		}
		ro.Consistency = 0 // this node has caught up by now
		if ok && !listed(&n) {
			mentioned[e.Name] = n
		}
		if !ok || !listed(&n) {
			out = append(out, e)
		}
	}
	return out, nil
}
