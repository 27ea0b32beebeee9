package mcp

import (
	"context"
	"time"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

// rememberIn is what an agent has learned of one entity.
type rememberIn struct {
	Name         string   `json:"name"`
	EntityType   string   `json:"entityType"`
	Observations []string `json:"observations"`
	Relations    []struct {
		RelationType string `json:"relationType"`
		To           string `json:"to"`
		From         string `json:"from"`
	} `json:"relations"`
	Source     string     `json:"source"`
	Confidence *float64   `json:"confidence"`
	ValidFrom  *time.Time `json:"valid_from"`
	ValidTo    *time.Time `json:"valid_to"`
}

// remembered is what was new of it.
type remembered struct {
	Created      bool       `json:"created"`
	Retyped      bool       `json:"retyped"`
	Observations []string   `json:"addedObservations"`
	Relations    []Relation `json:"createdRelations"`
	Mentioned    []string   `json:"mentioned"`
	Revision     uint64     `json:"revision"`
}

// remember makes or completes an entity in one batch: what is there already is
// left as it is.
func remember(ctx context.Context, c Call, s *Server, in rememberIn) (reply, error) {
	if err := checkName("name", in.Name); err != nil {
		return reply{}, err
	}
	relations, err := in.relations()
	if err != nil {
		return reply{}, err
	}
	for range maxRounds {
		out := remembered{Observations: []string{}, Relations: []Relation{}, Mentioned: []string{}}
		ops, err := s.entityOps(ctx, c, &in, &out)
		if err != nil {
			return reply{}, err
		}
		for _, text := range once(in.Observations) {
			ops = append(ops, in.says(opObservation(in.Name, text)))
		}
		related, of, err := s.newRelations(ctx, c, relations, in.Name)
		if err != nil {
			return reply{}, err
		}
		for i := range related {
			if of[i] >= 0 {
				related[i] = in.says(related[i])
			} else {
				out.Mentioned = append(out.Mentioned, related[i].Key)
			}
		}
		first := len(ops)
		if ops = append(ops, related...); len(ops) == 0 {
			return brief(out, "")
		}
		res, done, err := s.batch(ctx, c, ops)
		if r, _ := refused(err, graphsync.CodeKeyExists, graphsync.CodePrecondition, graphsync.CodeNotFound); r != nil {
			continue // somebody wrote one of the names just now
		}
		if err != nil {
			return reply{}, err
		}
		out.Revision = done.Revision
		for i := range res {
			switch {
			case res[i].Status == graphsync.StatusUnchanged:
			case ops[i].Op == graphsync.OpAddObservation:
				out.Observations = append(out.Observations, ops[i].Text)
			case i >= first && of[i-first] >= 0:
				out.Relations = append(out.Relations, relations[of[i-first]])
			}
		}
		return brief(out, "")
	}
	return reply{}, errContended
}

// relations turns each into one with both ends.
func (in *rememberIn) relations() ([]Relation, error) {
	out := make([]Relation, 0, len(in.Relations))
	for _, r := range in.Relations {
		relation := Relation{From: r.From, To: r.To, RelationType: r.RelationType}
		switch {
		case r.From == "" && r.To == "":
			return nil, said{"each relation needs the name of its other end: to, or from"}
		case r.From == "":
			relation.From = in.Name
		case r.To == "":
			relation.To = in.Name
		}
		if err := checkRelation("relations", relation); err != nil {
			return nil, err
		}
		out = append(out, relation)
	}
	return out, nil
}

// says gives an operation where it comes from and since when it is so.
func (in *rememberIn) says(o graphsync.Op) graphsync.Op {
	if in.Source != "" {
		o.Provenance = &in.Source
	}
	o.Confidence, o.ValidFrom, o.ValidTo = in.Confidence, in.ValidFrom, in.ValidTo
	return o
}

// entityOps makes the entity where it is not there, and gives it a type where
// one is told that it does not have.
func (s *Server) entityOps(ctx context.Context, c Call, in *rememberIn, out *remembered) ([]graphsync.Op, error) {
	n, ok, err := s.node(ctx, now, c, in.Name)
	if err != nil {
		return nil, err
	}
	kind := in.EntityType
	if kind == "" {
		kind = "entity"
	}
	switch {
	case !ok:
		out.Created = true
		return []graphsync.Op{opNode(in.Name, kind)}, nil
	case !listed(&n):
		out.Created = true
		return []graphsync.Op{opBecome(&n, in.Name, kind)}, nil
	case in.EntityType != "" && typeOf(&n) != in.EntityType:
		out.Retyped = true
		o := opBecome(&n, n.Label, kind)
		if o.Properties == nil { // the old type's original must go
			o.Properties, o.Merge = []byte(`{"`+memory.TypeProperty+`":null}`), true
		}
		return []graphsync.Op{o}, nil
	}
	return nil, nil
}
