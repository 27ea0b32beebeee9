package mcp

import (
	"context"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// Added is what add_observations answers for one entity.
type Added struct {
	EntityName        string   `json:"entityName"`
	AddedObservations []string `json:"addedObservations"`
}

// addObservations adds what is new to entities that are there; one that is not
// refuses the whole call, in the reference server's words.
func addObservations(ctx context.Context, c Call, s *Server, in struct {
	Observations []struct {
		EntityName string   `json:"entityName"`
		Contents   []string `json:"contents"`
	} `json:"observations"`
}) (reply, error) {
	results := make([]Added, len(in.Observations))
	var ops []graphsync.Op
	var of []int
	for i, o := range in.Observations {
		if err := s.mustList(ctx, c, o.EntityName); err != nil {
			return reply{}, err
		}
		results[i] = Added{o.EntityName, []string{}}
		for _, text := range o.Contents {
			ops, of = append(ops, opObservation(o.EntityName, text)), append(of, i)
		}
	}
	if len(ops) > 0 {
		res, _, err := s.batch(ctx, c, ops)
		if r, op := refused(err, graphsync.CodeNotFound); r != nil && op >= 0 && op < len(of) {
			return reply{}, noEntity(in.Observations[of[op]].EntityName)
		}
		if err != nil {
			return reply{}, naming(err, "observations", of)
		}
		for i := range res {
			if res[i].Status == graphsync.StatusCreated {
				to := &results[of[i]]
				to.AddedObservations = append(to.AddedObservations, ops[i].Text)
			}
		}
	}
	return reply{what: map[string]any{"results": results}, shown: results}, nil
}

func noEntity(name string) error {
	return said{fmt.Sprintf("Entity with name %s not found", clip(name, graphsync.MaxKey))}
}

// mustList refuses a name that is no entity. What this node has suffices for a
// yes; a no asks the mesh.
func (s *Server) mustList(ctx context.Context, c Call, name string) error {
	for _, ro := range []consensus.ReadOptions{{}, now} {
		n, ok, err := s.node(ctx, ro, c, name)
		if err != nil {
			return err
		}
		if ok && listed(&n) {
			return nil
		}
	}
	return noEntity(name)
}

func done(sentence string) reply {
	return reply{text: sentence, what: map[string]any{"success": true, "message": sentence}}
}

// deleteObservations ends observations by their text; what is not there is no
// error.
func deleteObservations(ctx context.Context, c Call, s *Server, in struct {
	Deletions []struct {
		EntityName   string   `json:"entityName"`
		Observations []string `json:"observations"`
	} `json:"deletions"`
}) (reply, error) {
	var ops []graphsync.Op
	for _, d := range in.Deletions {
		if checkName("", d.EntityName) != nil {
			continue // nothing can have such a name
		}
		for _, text := range d.Observations {
			if text != "" && len(text) <= graphsync.MaxText {
				ops = append(ops, graphsync.Op{Op: graphsync.OpDeleteObservation, Key: d.EntityName, Text: text})
			}
		}
	}
	if len(ops) > 0 {
		if _, _, err := s.batch(ctx, c, ops); err != nil {
			return reply{}, err
		}
	}
	return done("Observations deleted successfully"), nil
}

// deleteRelations ends relations; what is not there is no error.
func deleteRelations(ctx context.Context, c Call, s *Server, in struct {
	Relations []Relation `json:"relations"`
}) (reply, error) {
	var ops []graphsync.Op
	ro := now
	for _, r := range in.Relations {
		from, ok, err := s.node(ctx, ro, c, r.From)
		if err != nil {
			return reply{}, err
		}
		ro.Consistency = consensus.Stale // this node has caught up by now
		to, also, err := s.node(ctx, ro, c, r.To)
		if err != nil {
			return reply{}, err
		}
		if !ok || !also {
			continue
		}
		edges, err := s.between(ctx, c, from.ID, to.ID, r.RelationType)
		if err != nil {
			return reply{}, err
		}
		for _, id := range edges {
			ops = append(ops, graphsync.Op{Op: graphsync.OpDeleteEdge, ID: id})
		}
	}
	if len(ops) > 0 {
		if _, _, err := s.batch(ctx, c, ops); err != nil {
			return reply{}, err
		}
	}
	return done("Relations deleted successfully"), nil
}

// deleteEntities ends entities with all that is said of them. One with more
// relations than a command may end loses them in commands before.
func deleteEntities(ctx context.Context, c Call, s *Server, in struct {
	EntityNames []string `json:"entityNames"`
}) (reply, error) {
	var ops []graphsync.Op
	for _, name := range in.EntityNames {
		if checkName("", name) == nil {
			ops = append(ops, graphsync.Op{Op: graphsync.OpDeleteNode, Key: name})
		}
	}
	for len(ops) > 0 {
		_, _, err := s.batch(ctx, c, ops)
		r, op := refused(err, graphsync.CodeTooManyEdges)
		if r == nil {
			if err != nil {
				return reply{}, err
			}
			break
		}
		if op < 0 || op >= len(ops) {
			return reply{}, err
		}
		n, ok, err := s.node(ctx, now, c, ops[op].Key)
		if err == nil && ok {
			_, _, err = s.graph.DeleteNode(ctx, graphsync.WriteOptions{Author: c.Caller}, c.Namespace, n.ID, 0)
		}
		if err != nil {
			return reply{}, err
		}
		ops = append(ops[:op:op], ops[op+1:]...)
	}
	return done("Entities deleted successfully"), nil
}
