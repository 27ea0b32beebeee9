package mcp

import (
	"context"
	"encoding/json"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

// Shown is an entity as our own tools show it.
type Shown struct {
	ID           uint64          `json:"id"`
	Name         string          `json:"name"`
	EntityType   string          `json:"entityType"`
	Aliases      []string        `json:"aliases,omitempty"`
	Properties   json.RawMessage `json:"properties,omitempty"`
	Observations []Told          `json:"observations,omitempty"`
	Distance     int             `json:"distance,omitempty"`
	Version      uint64          `json:"version,omitempty"`
	CreatedAt    *time.Time      `json:"created_at,omitempty"`
	UpdatedAt    *time.Time      `json:"updated_at,omitempty"`
}

// Told is an observation.
type Told struct {
	ID   uint64 `json:"id"`
	Text string `json:"text"`
	graphsync.Provenance
	By string    `json:"by,omitempty"`
	At time.Time `json:"at"`
}

// Joined is a relation.
type Joined struct {
	ID           uint64          `json:"id"`
	From         string          `json:"from"`
	RelationType string          `json:"relationType"`
	To           string          `json:"to"`
	Properties   json.RawMessage `json:"properties,omitempty"`
	graphsync.Provenance
}

// shown leaves out what says nothing.
func shown(n *graphsync.Node, whole bool) Shown {
	out := Shown{ID: n.ID, Name: n.Label, EntityType: typeOf(n)}
	if whole {
		out.Aliases, out.Properties, out.Version = n.Aliases, propertiesOf(n), n.Version
		out.CreatedAt, out.UpdatedAt = &n.CreatedAt, &n.UpdatedAt
	}
	return out
}

// propertiesOf are a node's properties but for the one that keeps its type.
func propertiesOf(n *graphsync.Node) json.RawMessage {
	if len(n.Properties) <= 2 {
		return nil
	}
	var p map[string]json.RawMessage
	if json.Unmarshal(n.Properties, &p) != nil || p[memory.TypeProperty] == nil {
		return n.Properties
	}
	if delete(p, memory.TypeProperty); len(p) == 0 {
		return nil
	}
	b, err := json.Marshal(p)
	if err != nil {
		return n.Properties
	}
	return b
}

func told(o *graphsync.Observation) Told {
	return Told{ID: o.ID, Text: o.Text, Provenance: o.Provenance, By: o.CreatedBy, At: o.CreatedAt}
}

// names finds what nodes are called, each once.
type names struct {
	s    *Server
	c    Call
	when graphsync.When
	ro   consensus.ReadOptions
	of   map[uint64]string
}

func (s *Server) names(c Call, when graphsync.When) *names {
	return &names{s: s, c: c, when: when, of: map[uint64]string{}}
}

func (n *names) name(ctx context.Context, id uint64) (string, error) {
	if name, ok := n.of[id]; ok {
		return name, nil
	}
	node, _, err := n.s.graph.GetNodeAt(ctx, n.ro, n.when, n.c.Namespace, id)
	if r, _ := refused(err, graphsync.CodeNotFound); r != nil {
		err = nil // deleted just now
	}
	n.of[id] = node.Label
	return node.Label, err
}

func (n *names) joined(ctx context.Context, e *graphsync.Edge) (j Joined, err error) {
	j = Joined{ID: e.ID, RelationType: memory.RelationType(e.EdgeType, e.Predicate), Provenance: e.Provenance}
	if len(e.Properties) > 2 {
		j.Properties = e.Properties
	}
	if j.From, err = n.name(ctx, e.SourceID); err == nil {
		j.To, err = n.name(ctx, e.TargetID)
	}
	return j, err
}

// room is what is left of an answer's bytes. Text and structured content are
// both sent, so everything counts twice.
type room struct{ left int }

func roomFor(bytes int) *room {
	if bytes == 0 {
		bytes = defaultBytes
	}
	return &room{(bytes - overhead) / 2}
}

// takes says whether a thing still fits, and takes its bytes.
func (r *room) takes(v any) bool {
	b, err := marshal(v, "")
	if r.left -= len(b) + 4; err != nil {
		return false
	}
	return r.left >= 0
}

// brief answers what, with the same JSON as text.
func brief(what any, note string) (reply, error) {
	b, err := marshal(what, "")
	return reply{what: what, text: string(b), note: note}, err
}

// at reads the arguments as_of and valid_at.
type at struct {
	AsOf    string `json:"as_of"`
	ValidAt string `json:"valid_at"`
}

func (a at) when() (w graphsync.When, err error) {
	if a.AsOf != "" {
		if json.Unmarshal([]byte(a.AsOf), &w.Revision) != nil {
			if w.Time, err = time.Parse(time.RFC3339Nano, a.AsOf); err != nil {
				return w, said{"as_of is a revision (a whole number) or a time such as 2026-01-31T12:00:00Z"}
			}
		}
	}
	switch a.ValidAt {
	case "":
	case "any":
		w.AnyValid = true
	default:
		if w.ValidAt, err = time.Parse(time.RFC3339Nano, a.ValidAt); err != nil {
			return w, said{"valid_at is a time such as 2026-01-31T12:00:00Z, or any"}
		}
	}
	return w, nil
}
