package mcp

import (
	"context"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

// createRelations makes the relations that are not there yet. A name that is no
// entity gets a node that is only mentioned.
func createRelations(ctx context.Context, c Call, s *Server, in struct {
	Relations []Relation `json:"relations"`
}) (reply, error) {
	for i, r := range in.Relations {
		if err := checkRelation(fmt.Sprintf("relations[%d]", i), r); err != nil {
			return reply{}, err
		}
	}
	for range maxRounds {
		ops, of, err := s.newRelations(ctx, c, in.Relations, "")
		if err != nil {
			return reply{}, err
		}
		made := []Relation{}
		if len(ops) > 0 {
			res, _, err := s.batch(ctx, c, ops)
			if r, _ := refused(err, graphsync.CodeKeyExists, graphsync.CodeNotFound); r != nil {
				continue // made or deleted by somebody just now
			}
			if err != nil {
				return reply{}, naming(err, "relations", of)
			}
			for i := range res {
				if of[i] >= 0 && res[i].Status != graphsync.StatusUnchanged { // updated: one that had ended to be true
					made = append(made, in.Relations[of[i]])
				}
			}
		}
		return reply{what: map[string]any{"relations": made}, shown: made}, nil
	}
	return reply{}, errContended
}

func checkRelation(where string, r Relation) error {
	if err := checkName(where+".from", r.From); err != nil {
		return err
	}
	if err := checkName(where+".to", r.To); err != nil {
		return err
	}
	if len(r.RelationType) > graphsync.MaxPredicate {
		return said{fmt.Sprintf("%s.relationType has %d bytes, at most %d are allowed", where, len(r.RelationType), graphsync.MaxPredicate)}
	}
	return nil
}

// newRelations makes the operations for relations that are new, and for the
// names that are, but for one that is made besides; of says which relation an
// operation is, -1 for a name.
func (s *Server) newRelations(ctx context.Context, c Call, relations []Relation, made string) (ops []graphsync.Op, of []int, _ error) {
	ro := now
	ids := map[string]uint64{} // by key; 0: not there
	find := func(name string) (uint64, error) {
		key := graphsync.NormalKey(name)
		if id, ok := ids[key]; ok {
			return id, nil
		}
		n, ok, err := s.node(ctx, ro, c, name)
		if err != nil {
			return 0, err
		}
		ro.Consistency = consensus.Stale
		if !ok && key != graphsync.NormalKey(made) {
			ops, of = append(ops, opMention(name)), append(of, -1)
		}
		ids[key] = n.ID
		return n.ID, nil
	}
	for i, r := range relations {
		from, err := find(r.From)
		if err != nil {
			return nil, nil, err
		}
		to, err := find(r.To)
		if err != nil {
			return nil, nil, err
		}
		// An upsert of an edge that is there would reset what else it says.
		if from != 0 && to != 0 {
			edges, err := s.between(ctx, c, from, to, r.RelationType)
			if err != nil {
				return nil, nil, err
			}
			if len(edges) > 0 {
				continue
			}
		}
		ops, of = append(ops, opRelation(r)), append(of, i)
	}
	return ops, of, nil
}

// between returns the edges of a relation, of which there is more than one only
// where others than these tools made them.
func (s *Server) between(ctx context.Context, c Call, from, to uint64, relationType string) (edges []uint64, _ error) {
	edgeType, _ := memory.EdgeType(relationType)
	page, _, err := s.graph.ListEdges(ctx, consensus.ReadOptions{}, graphsync.EdgeQuery{Namespace: c.Namespace, Source: from, Target: to, Type: edgeType, Limit: graphsync.MaxLimit})
	for i := range page.Edges {
		if e := &page.Edges[i]; memory.RelationType(e.EdgeType, e.Predicate) == relationType {
			edges = append(edges, e.ID)
		}
	}
	return edges, err
}

// naming says which of a call's items a refusal is about: the model knows
// nothing of operations.
func naming(err error, field string, of []int) error {
	r, op := refused(err, graphsync.CodeInvalid, graphsync.CodeSchema)
	if r == nil || op < 0 || op >= len(of) || of[op] < 0 {
		return err
	}
	return said{fmt.Sprintf("%s[%d]: %s", field, of[op], afterColon(r.Sentence))}
}

// afterColon drops "operation 3: ".
func afterColon(sentence string) string {
	for i := range len(sentence) - 1 {
		if sentence[i] == ':' && sentence[i+1] == ' ' {
			return sentence[i+2:]
		}
	}
	return sentence
}
