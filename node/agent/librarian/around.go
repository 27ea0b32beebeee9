package librarian

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

// maxDescribed bounds how many nodes of one name are described at once.
const maxDescribed = 3

func (r *reader) describe(q Question) (Answer, error) {
	f, err := r.resolve(q.Node)
	if err != nil {
		return Answer{}, err
	}
	if len(f.nodes) == 0 {
		return r.missing(q.Node)
	}
	a := Answer{}
	var text []string
	for _, n := range f.nodes[:min(len(f.nodes), maxDescribed)] {
		if q.Property != "" {
			t := thing(n)
			t.Properties = n.Properties
			a.IDs, a.Nodes = append(a.IDs, n.ID), append(a.Nodes, t)
			text = append(text, sayProperty(n, q.Property))
			continue
		}
		d, err := r.degree(n.ID)
		if err != nil {
			return a, err
		}
		t := thing(n)
		t.Properties = n.Properties
		a.IDs, a.Nodes = append(a.IDs, n.ID), append(a.Nodes, t)
		a.Truncated = a.Truncated || d.Truncated
		text = append(text, describeNode(n), describeDegree(d))
	}
	if left := len(f.nodes) - maxDescribed; left > 0 {
		text = append(text, fmt.Sprintf("%s more of that name.", plural(uint64(left), "node")))
	}
	a.Text = strings.Join(text, " ") + alsoMatching(f)
	return a, nil
}

// alsoMatching says that the reference could have meant something else.
func alsoMatching(f found) string {
	if f.others == 0 || closeness(f.nodes[0].Label, fold(f.text)) <= endOfLabel {
		return ""
	}
	verb := "match"
	if f.others == 1 {
		verb = "matches"
	}
	text := clip(f.text, 100)
	return fmt.Sprintf(" %s %s %q less well; ask: find %s.", plural(uint64(f.others), "other"), verb, text, text)
}

func describeNode(n graphsync.Node) string {
	s := fmt.Sprintf("%s is %s (#%d)", clip(n.Label, 200), article(n.NodeType), n.ID)
	if said := properties(n.Properties); said != "" {
		s += " with " + said
	}
	return s + "."
}

// sayProperty answers for one property, by its name in any case and either
// spelling.
func sayProperty(n graphsync.Node, want string) string {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(n.Properties, &all); err != nil {
		all = nil // an answer without properties is still true
	}
	same := func(s string) string { return strings.ReplaceAll(strings.Join(split(s), " "), "license", "licence") }
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if same(k) != same(want) {
			continue
		}
		value := string(all[k])
		var s string
		if json.Unmarshal(all[k], &s) == nil {
			value = s
		}
		return fmt.Sprintf("The %s of %s is %s.", k, name(n), clip(value, 1000))
	}
	if len(all) == 0 {
		return fmt.Sprintf("%s has no properties.", name(n))
	}
	return fmt.Sprintf("%s has no property %q; it has %s.", name(n), clip(want, 64), strings.Join(slices.Sorted(maps.Keys(all)), ", "))
}

// properties says the plain values among a node's properties.
func properties(raw json.RawMessage) string {
	var all map[string]any
	if json.Unmarshal(raw, &all) != nil {
		return ""
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		switch v := all[k].(type) {
		case string:
			out = append(out, k+" "+clip(v, 120))
		case bool:
			out = append(out, fmt.Sprintf("%s %v", k, v))
		case float64:
			out = append(out, k+" "+string(jsonNumber(v)))
		}
	}
	return enumerate(out, len(out))
}

func jsonNumber(v float64) []byte {
	b, _ := json.Marshal(v) // a decoded number can be encoded
	return b
}

func describeDegree(d graphsync.Degree) string {
	say := func(types map[string]uint64) string {
		var out []string
		for _, t := range slices.Sorted(maps.Keys(types)) {
			out = append(out, fmt.Sprintf("%d %s", types[t], t))
		}
		return enumerate(out, len(out))
	}
	switch {
	case d.Out == 0 && d.In == 0:
		return "It has no edges."
	case d.In == 0:
		return fmt.Sprintf("Edges out of it: %s; none lead to it.", say(d.OutTypes))
	case d.Out == 0:
		return fmt.Sprintf("Edges to it: %s; none lead out of it.", say(d.InTypes))
	}
	return fmt.Sprintf("Edges out of it: %s. Edges to it: %s.", say(d.OutTypes), say(d.InTypes))
}

func (r *reader) answerNeighbors(q Question) (Answer, error) {
	f, err := r.resolve(q.Node)
	if err != nil {
		return Answer{}, err
	}
	if len(f.nodes) == 0 {
		return r.missing(q.Node)
	}
	if q.phrase != "" && len(q.EdgeTypes) == 0 {
		a := Answer{Text: fmt.Sprintf("The graph has no edges that mean %q. %s", q.phrase, r.types().Text)}
		a.add(f.nodes[:1])
		return a, nil
	}
	// Of several nodes of the same name, the one meant is the first that has
	// such neighbours.
	var start graphsync.Node
	var around surroundings
	for i, n := range f.nodes {
		got, err := r.around(n.ID, q)
		if err != nil {
			return Answer{}, err
		}
		if i == 0 || len(got.nodes) > 0 {
			start, around = n, got
		}
		if len(got.nodes) > 0 {
			break
		}
	}
	total := len(around.nodes)
	a := Answer{IDs: []uint64{start.ID}, Truncated: around.truncated}
	if q.counted {
		n := uint64(total)
		a.Count = &n
	}
	shown := around.nodes[:min(total, q.Limit)]
	a.Truncated = a.Truncated || len(shown) < total
	var names []string
	for _, n := range shown {
		t := thing(n.Node)
		t.Depth = n.Depth
		a.IDs, a.Nodes = append(a.IDs, n.ID), append(a.Nodes, t)
		names = append(names, clip(n.Label, 200))
	}
	for _, e := range around.edges {
		if slices.Contains(a.IDs, e.SourceID) && slices.Contains(a.IDs, e.TargetID) {
			a.Edges = append(a.Edges, relation(e))
		}
	}
	whom := name(start)
	if total == 0 {
		whom = f.one()
	}
	a.Text = sentence(q, whom, around, enumerate(names, total)) + alsoMatching(f)
	if len(f.nodes) > 1 && total > 0 {
		a.Text += fmt.Sprintf(" (%s are named so; this is #%d.)", plural(uint64(len(f.nodes)), "node"), start.ID)
	}
	return a, nil
}

// sentence says how many stand in the relation, and names them.
func sentence(q Question, whom string, s surroundings, names string) string {
	total := len(s.nodes)
	words := q.phrase
	if words == "" && len(q.EdgeTypes) > 0 {
		var each []string
		for _, t := range q.EdgeTypes {
			each = append(each, strings.Join(split(t), " "))
		}
		words = strings.Join(each, " or ")
	}
	what := plural(uint64(total), s.kind(q.Type))
	if s.truncated {
		what = "at least " + what
	}
	far := ""
	if q.Depth > 1 {
		far = fmt.Sprintf(" within %d steps", q.Depth)
	}
	if words == "" || q.Direction == graphsync.Both || q.Direction == "" {
		if total == 0 {
			return whom + " has no neighbours" + far + "."
		}
		return fmt.Sprintf("%s is joined to %s%s: %s.", whom, what, far, names)
	}
	if q.subject() {
		if total == 0 {
			nothing := "nothing"
			if q.Type != "" {
				nothing = "no " + strings.Join(split(q.Type), " ")
			}
			return fmt.Sprintf("%s %s %s%s.", whom, singular(words), nothing, far)
		}
		return fmt.Sprintf("%s %s %s%s: %s.", whom, singular(words), what, far, names)
	}
	switch total {
	case 0:
		nobody := "Nothing"
		if q.Type != "" {
			nobody = "No " + strings.Join(split(q.Type), " ")
		}
		return fmt.Sprintf("%s %s %s%s.", nobody, singular(words), whom, far)
	case 1:
		return fmt.Sprintf("%s %s %s%s: %s.", what, singular(words), whom, far, names)
	}
	return fmt.Sprintf("%s %s %s%s: %s.", what, several(words), whom, far, names)
}

// singular and several are the verb of one and of many: depends on, depend on;
// part of becomes is part of, are part of.
func singular(words string) string {
	first, rest, more := strings.Cut(words, " ")
	if passive(words) {
		return "is " + words
	}
	if !more {
		return withS(base(first))
	}
	return withS(base(first)) + " " + rest
}

func several(words string) string {
	first, rest, more := strings.Cut(words, " ")
	if passive(words) {
		return "are " + words
	}
	if !more {
		return base(first)
	}
	return base(first) + " " + rest
}

func passive(words string) bool {
	return words == "in" || words == "inside" || strings.HasSuffix(words, " of") || strings.HasSuffix(words, " by")
}

func relation(e graphsync.Edge) Relation {
	return Relation{ID: e.ID, Source: e.SourceID, Type: e.EdgeType, Target: e.TargetID}
}
