package graphsync

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// schemaRecord is a namespace's schema: in an op's data and in tSchema. Types
// are in order of name, and so are the names in a rule.
type schemaRecord struct {
	Closed bool       `cbor:"1,keyasint,omitempty"`
	Nodes  []nodeRule `cbor:"2,keyasint,omitempty"`
	Edges  []edgeRule `cbor:"3,keyasint,omitempty"`
}

type nodeRule struct {
	_        struct{} `cbor:",toarray"`
	Type     string
	Required []string
}

type edgeRule struct {
	_        struct{} `cbor:",toarray"`
	Type     string
	Single   bool
	From, To []string
}

// Bounds of a schema beside its size.
const (
	maxSchemaTypes = 1000
	maxRuleNames   = 100
)

// prepareSchema checks a schema and puts its record into Data; a schema that
// asks for nothing is none.
func prepareSchema(in *Op, out *op) *consensus.Refusal {
	if in.Schema == nil {
		return invalid("schema", "must be given")
	}
	rec := schemaRecord{Closed: in.Schema.Closed}
	for _, name := range slices.Sorted(maps.Keys(in.Schema.NodeTypes)) {
		rec.Nodes = append(rec.Nodes, nodeRule{Type: name, Required: sortedNames(in.Schema.NodeTypes[name].Required)})
	}
	for _, name := range slices.Sorted(maps.Keys(in.Schema.EdgeTypes)) {
		r := in.Schema.EdgeTypes[name]
		rec.Edges = append(rec.Edges, edgeRule{Type: name, Single: r.Single, From: sortedNames(r.From), To: sortedNames(r.To)})
	}
	if r := rec.check(); r != nil {
		return r
	}
	if rec.empty() {
		return nil
	}
	if out.Data = consensus.Encode(&rec); len(out.Data) > MaxSchema {
		return invalid("schema", "has %d bytes, at most %d are allowed", len(out.Data), MaxSchema)
	}
	return nil
}

func sortedNames(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

func (rec *schemaRecord) empty() bool {
	return !rec.Closed && len(rec.Nodes) == 0 && len(rec.Edges) == 0
}

// check says what is wrong with a schema, whoever made it.
func (rec *schemaRecord) check() *consensus.Refusal {
	if len(rec.Nodes) > maxSchemaTypes || len(rec.Edges) > maxSchemaTypes {
		return invalid("schema", "has more than %d types", maxSchemaTypes)
	}
	last := ""
	for _, r := range rec.Nodes {
		if !validType(r.Type) || r.Type <= last {
			return invalid("schema", "has the node type %q, which is not an identifier or comes twice", r.Type)
		}
		last = r.Type
		for _, name := range r.Required {
			if x := checkText("schema", name, 1, MaxKey); x != nil {
				return invalid("schema", "requires of %s a property without a proper name", r.Type)
			}
		}
		if len(r.Required) > maxRuleNames {
			return invalid("schema", "requires more than %d properties of %s", maxRuleNames, r.Type)
		}
	}
	last = ""
	for _, r := range rec.Edges {
		if !validType(r.Type) || r.Type <= last {
			return invalid("schema", "has the edge type %q, which is not an identifier or comes twice", r.Type)
		}
		last = r.Type
		if len(r.From) > maxRuleNames || len(r.To) > maxRuleNames {
			return invalid("schema", "names more than %d ends of %s", maxRuleNames, r.Type)
		}
		for _, end := range append(slices.Clip(r.From), r.To...) {
			if !validType(end) {
				return invalid("schema", "names %q as an end of %s, which is not an identifier", end, r.Type)
			}
			if rec.Closed && rec.node(end) == nil {
				return invalid("schema", "names %q as an end of %s, but is closed and has no such node type", end, r.Type)
			}
		}
	}
	return nil
}

func (rec *schemaRecord) node(typ string) *nodeRule {
	i, ok := sort.Find(len(rec.Nodes), func(i int) int { return strings.Compare(typ, rec.Nodes[i].Type) })
	if !ok {
		return nil
	}
	return &rec.Nodes[i]
}

func (rec *schemaRecord) edge(typ string) *edgeRule {
	i, ok := sort.Find(len(rec.Edges), func(i int) int { return strings.Compare(typ, rec.Edges[i].Type) })
	if !ok {
		return nil
	}
	return &rec.Edges[i]
}

func decodeSchema(v []byte) (*schemaRecord, error) {
	rec := new(schemaRecord)
	if err := consensus.Decode(v, rec); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	if rec.check() != nil || rec.empty() || len(v) > MaxSchema {
		return nil, errRecord
	}
	return rec, nil
}

func (rec *schemaRecord) schema() Schema {
	s := Schema{Closed: rec.Closed}
	for _, r := range rec.Nodes {
		if s.NodeTypes == nil {
			s.NodeTypes = map[string]NodeRule{}
		}
		s.NodeTypes[r.Type] = NodeRule{Required: r.Required}
	}
	for _, r := range rec.Edges {
		if s.EdgeTypes == nil {
			s.EdgeTypes = map[string]EdgeRule{}
		}
		s.EdgeTypes[r.Type] = EdgeRule{Single: r.Single, From: r.From, To: r.To}
	}
	return s
}
