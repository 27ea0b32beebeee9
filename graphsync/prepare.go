package graphsync

import (
	"encoding/json"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// madeKey begins the keys that an export makes for nodes without one.
const madeKey = "_:"

// takes lists the fields each verb of an Op takes.
var takes = map[string]struct {
	kind   opKind
	flags  uint64
	fields string
}{
	OpCreateNode: {opCreateNode, hasProps | hasLabel, "type label key properties expires_at"},
	OpUpsertNode: {opCreateNode, hasProps | hasLabel | isUpsert, "type label key properties expires_at"},
	OpUpdateNode: {opUpdateNode, 0, "id key type label properties merge expires_at if_version"},
	OpDeleteNode: {opDeleteNode, 0, "id key if_version"},
	OpCreateEdge: {opCreateEdge, hasProps, "source_id source target_id target type weight predicate properties" + told},
	OpUpsertEdge: {opCreateEdge, hasProps | isUpsert, "source_id source target_id target type weight predicate properties parallel" + told},
	OpUpdateEdge: {opUpdateEdge, 0, "id weight predicate properties merge if_version" + told},
	OpDeleteEdge: {opDeleteEdge, 0, "id if_version"},

	OpAddAlias:          {opAddAlias, 0, "id key alias if_version"},
	OpRemoveAlias:       {opRemoveAlias, 0, "id key alias if_version"},
	OpAddObservation:    {opAddObservation, hasProps, "id key text properties" + told},
	OpDeleteObservation: {opDeleteObservation, 0, "id node_id key text"},
	OpSetVector:         {opSetVector, 0, "id key model vector"},
	OpDeleteVector:      {opDeleteVector, 0, "id key model"},
	OpMergeNodes:        {opMergeNodes, 0, "source_id source target_id target"},
	OpUndoMerge:         {opUndoMerge, 0, "id"},
	OpSetSchema:         {opSetSchema, 0, "schema"},
	OpSetRetention:      {opSetRetention, 0, "days bytes"},
	OpEraseNode:         {opEraseNode, 0, "id key reason"},
	OpEraseEdge:         {opEraseEdge, 0, "id reason"},
	OpEraseObservation:  {opEraseObservation, 0, "id reason"},
}

// told lists the fields of a provenance.
const told = " valid_from valid_to provenance confidence expires_at"

// prepare checks an Op and turns it into what is replicated.
func prepare(in *Op) (op, *consensus.Refusal) {
	verb, ok := takes[in.Op]
	if !ok {
		return op{}, invalid("op", "%q is not an operation", in.Op)
	}
	if f := in.stray(verb.fields); f != "" {
		return op{}, invalid(f, "is not taken by %s", in.Op)
	}
	out := op{Kind: verb.kind, Flags: verb.flags, ID: in.ID, Type: in.Type,
		Source: in.SourceID, Target: in.TargetID, Parallel: in.Parallel, IfVersion: in.IfVersion}
	if in.Merge {
		if in.Properties == nil {
			return op{}, invalid("merge", "needs properties")
		}
		out.Flags |= isMerge
	}
	if in.Type != "" {
		out.Flags |= hasType
		if r := checkType("type", in.Type); r != nil {
			return op{}, r
		}
	} else if verb.kind == opCreateNode || verb.kind == opCreateEdge {
		return op{}, invalid("type", "must not be empty")
	}
	for _, step := range []func(*Op, *op) *consensus.Refusal{prepareLabel, prepareKeys, prepareProps, prepareEdge, prepareTold, prepareVerb} {
		if r := step(in, &out); r != nil {
			return op{}, r
		}
	}
	return out, nil
}

// stray names a field that is given but not among fields.
func (o *Op) stray(fields string) string {
	given := [...]struct {
		name string
		is   bool
	}{
		{"id", o.ID != 0}, {"key", o.Key != ""}, {"type", o.Type != ""}, {"label", o.Label != nil},
		{"properties", o.Properties != nil}, {"merge", o.Merge},
		{"source_id", o.SourceID != 0}, {"target_id", o.TargetID != 0},
		{"source", o.Source != ""}, {"target", o.Target != ""},
		{"weight", o.Weight != nil}, {"predicate", o.Predicate != nil},
		{"parallel", o.Parallel != 0}, {"if_version", o.IfVersion != 0},
		{"valid_from", o.ValidFrom != nil}, {"valid_to", o.ValidTo != nil}, {"provenance", o.Provenance != nil},
		{"confidence", o.Confidence != nil}, {"expires_at", o.ExpiresAt != nil}, {"node_id", o.NodeID != 0},
		{"alias", o.Alias != ""}, {"text", o.Text != ""}, {"model", o.Model != ""}, {"vector", o.Vector != nil},
		{"schema", o.Schema != nil}, {"reason", o.Reason != ""}, {"days", o.Days != 0}, {"bytes", o.Bytes != 0},
	}
	for _, g := range given {
		if g.is && !hasWord(fields, g.name) {
			return g.name
		}
	}
	return ""
}

// hasWord avoids splitting the list: it runs for each line of an import.
func hasWord(list, word string) bool {
	for {
		i := strings.Index(list, word)
		if i < 0 {
			return false
		}
		end := i + len(word)
		if (i == 0 || list[i-1] == ' ') && (end == len(list) || list[end] == ' ') {
			return true
		}
		list = list[end:]
	}
}

func prepareLabel(in *Op, out *op) *consensus.Refusal {
	if in.Label == nil {
		if out.Kind == opCreateNode {
			return invalid("label", "must not be empty")
		}
		return nil
	}
	if r := checkText("label", *in.Label, 1, MaxLabel); r != nil {
		return r
	}
	out.Flags |= hasLabel
	out.Label = *in.Label
	name := indexName(out.Label)
	if name == "" {
		return invalid("label", "must not be blank")
	}
	if name != out.Label {
		out.Name = name
	}
	return checkShown("label", out.Label)
}

func prepareKeys(in *Op, out *op) (r *consensus.Refusal) {
	switch out.Kind {
	case opCreateNode:
		if in.Key == "" {
			if out.has(isUpsert) {
				return invalid("key", "must not be empty")
			}
			return nil
		}
		if !out.has(isUpsert) && strings.HasPrefix(in.Key, madeKey) {
			return invalid("key", "must not begin with %q: such keys are made by exports", madeKey)
		}
		out.Key = in.Key
		norm, r := checkKey("key", in.Key)
		if norm != in.Key {
			out.Norm = norm
		}
		if r == nil {
			r = checkShown("key", in.Key)
		}
		return r
	case opUpdateNode, opDeleteNode, opAddAlias, opRemoveAlias, opAddObservation, opSetVector, opDeleteVector, opEraseNode:
		out.Norm, r = reference("id", in.ID, "key", in.Key)
	case opCreateEdge, opMergeNodes:
		if out.SourceKey, r = reference("source_id", in.SourceID, "source", in.Source); r == nil {
			out.TargetKey, r = reference("target_id", in.TargetID, "target", in.Target)
		}
	case opDeleteObservation:
		if in.ID == 0 {
			out.ID = 0
			out.Source = in.NodeID
			out.Norm, r = reference("node_id", in.NodeID, "key", in.Key)
		}
	case opSetSchema, opSetRetention:
	default:
		_, r = reference("id", in.ID, "", "")
	}
	return r
}

// reference checks that a thing is named by exactly one of id and key.
func reference(idField string, id uint64, keyField, key string) (norm string, _ *consensus.Refusal) {
	switch {
	case id != 0 && key != "":
		return "", invalid(keyField, "must not be given beside %s", idField)
	case id > maxID:
		return "", invalid(idField, "is larger than any id")
	case id != 0:
		return "", nil
	case keyField == "":
		return "", invalid(idField, "must be given")
	case key == "":
		return "", invalid(keyField, "or %s must be given", idField)
	}
	return checkKey(keyField, key)
}

func prepareProps(in *Op, out *op) *consensus.Refusal {
	if in.Properties == nil {
		return nil
	}
	if len(in.Properties) > 8*MaxProperties {
		return invalid("properties", "has %d bytes, at most %d are allowed", len(in.Properties), MaxProperties)
	}
	props, err := canonicalObject(in.Properties)
	if err != nil {
		return invalid("properties", "%s", err)
	}
	if len(props) > MaxProperties {
		return invalid("properties", "has %d bytes, at most %d are allowed", len(props), MaxProperties)
	}
	out.Flags |= hasProps
	out.Props = storedProps(props)
	return nil
}

func prepareEdge(in *Op, out *op) *consensus.Refusal {
	if in.Weight != nil {
		if !finite(*in.Weight) {
			return invalid("weight", "must be a finite number")
		}
		out.Flags |= hasWeight
		out.Weight = *in.Weight
	}
	if in.Predicate != nil {
		if r := checkText("predicate", *in.Predicate, 0, MaxPredicate); r != nil {
			return r
		}
		out.Flags |= hasPredicate
		out.Predicate = *in.Predicate
	}
	return nil
}

// rawObject is stored properties as an answer carries them.
func rawObject(props []byte) json.RawMessage {
	if len(props) == 0 {
		return json.RawMessage("{}")
	}
	return append(json.RawMessage(nil), props...)
}
