package librarian

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

// Ask answers one question. Errors are *consensus.Refusal for a question that
// breaks a rule, or those of the graph; a question that is merely not
// understood, or about what is not there, has an Answer that says so.
func (l *Librarian) Ask(ctx context.Context, q Question) (Answer, error) {
	if err := q.check(); err != nil {
		return Answer{}, err
	}
	r, err := l.open(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	if q.Op == "" {
		read, ok := parse(q.Question, &r.vocabulary)
		if !ok {
			a, err := r.unknown(q.Question)
			return r.finish(a, "unknown"), err
		}
		read.Limit, q = q.Limit, read
	}
	if q.Limit == 0 {
		q.Limit = graphsync.DefaultLimit
	}
	q.EdgeTypes = slices.Clone(q.EdgeTypes) // the caller's own, to be respelt
	for i, t := range q.EdgeTypes {
		// A type that the graph has not is left as it is: nothing is of it.
		if known, ok := r.edgeType(t); ok {
			q.EdgeTypes[i] = known
		}
	}
	if t, ok := r.nodeType(q.Type); ok {
		q.Type = t
	}
	var a Answer
	switch q.Op {
	case "help":
		a = help()
	case "types":
		a = r.types()
	case "count":
		a = r.count(q)
	case "find":
		a, err = r.answerFind(q)
	case "describe":
		a, err = r.describe(q)
	case "neighbors":
		a, err = r.answerNeighbors(q)
	case "path":
		a, err = r.answerPath(q)
	}
	return r.finish(a, q.Op), err
}

// finish fills in what every answer has.
func (r *reader) finish(a Answer, op string) Answer {
	a.Op, a.Revision = op, r.revision
	if a.IDs = unique(a.IDs); a.IDs == nil {
		a.IDs = []uint64{}
	}
	if a.Nodes == nil {
		a.Nodes = []Thing{}
	}
	return a
}

var ops = []string{"find", "describe", "neighbors", "path", "count", "types", "help"}

func (q *Question) check() error {
	if len(q.Question) > maxQuestion || len(q.Text) > maxQuestion || len(q.Property) > maxQuestion {
		return refuse("question", "a question is at most 4 KiB")
	}
	if (q.Question == "") == (q.Op == "") {
		return refuse("question", `ask with a "question" in words, or with an "op"; not both`)
	}
	if q.Op != "" && !slices.Contains(ops, q.Op) {
		return refuse("op", "op is one of "+strings.Join(ops, ", "))
	}
	if q.Limit < 0 || q.Limit > graphsync.MaxLimit {
		return refuse("limit", fmt.Sprintf("limit is 1 to %d", graphsync.MaxLimit))
	}
	switch q.Direction {
	case "", graphsync.Out, graphsync.In, graphsync.Both:
	default:
		return refuse("direction", "direction is out, in or both")
	}
	if len(q.EdgeTypes) > 16 {
		return refuse("edge_types", "at most 16 edge types can be named")
	}
	most := graphsync.MaxNeighborDepth
	switch q.Op {
	case "find":
		if q.Text == "" && q.Type == "" {
			return refuse("text", "find needs a text, a type, or both")
		}
	case "describe", "neighbors":
		if q.Node == "" {
			return refuse("node", q.Op+" needs a node")
		}
	case "path":
		most = graphsync.MaxPathDepth
		if q.From == "" || q.To == "" {
			return refuse("from", "path needs from and to")
		}
	}
	if q.Depth < 0 || q.Depth > most {
		return refuse("depth", fmt.Sprintf("depth is 1 to %d", most))
	}
	return nil
}

func help() Answer {
	a := Answer{}
	for _, p := range patterns {
		a.Suggestions = append(a.Suggestions, p.example)
	}
	a.Text = "I answer questions about the knowledge graph from what is in it: " + strings.Join(a.Suggestions, "; ") +
		". X and Y are labels, keys or ids such as #12; in place of packages and import any type of node and of edge in the graph can stand."
	return a
}

// unknown says what could be asked instead.
func (r *reader) unknown(question string) (Answer, error) {
	if r.stats.Nodes == 0 {
		return r.missing()
	}
	a := Answer{Text: "I did not understand the question. I can say what something is, what lies around it, what depends on it, " +
		"how two things are connected, and how many there are; ask me: help"}
	for _, word := range strings.FieldsFunc(question, func(c rune) bool { return notWord(c) && !strings.ContainsRune("/._-", c) }) {
		if len(word) < 4 || len(a.IDs) == 3 {
			continue
		}
		f, err := r.lookup(word, "")
		if err != nil {
			return a, err
		}
		if len(f.nodes) > 0 {
			n := f.nodes[0]
			a.IDs = append(a.IDs, n.ID)
			a.Nodes = append(a.Nodes, thing(n))
			a.Suggestions = append(a.Suggestions, "what is "+n.Label)
		}
	}
	if len(a.Suggestions) > 0 {
		a.Text += ". Perhaps: " + strings.Join(a.Suggestions, "; ")
	} else {
		a.Suggestions = []string{"help", "list types", "how many nodes"}
	}
	return a, nil
}

// missing answers a question about what is not there.
func (r *reader) missing(refs ...Ref) (Answer, error) {
	a := Answer{}
	for _, ref := range refs {
		near, err := r.near(string(ref))
		if err != nil {
			return a, err
		}
		a.Text = strings.TrimSpace(a.Text + fmt.Sprintf(" Nothing in the graph is named %q.", clip(string(ref), 100)))
		if len(near) > 0 {
			a.Text += " Near it: " + strings.Join(near, ", ") + "."
		}
		a.Suggestions = append(a.Suggestions, near...)
	}
	if r.stats.Nodes == 0 {
		a.Text = fmt.Sprintf("The namespace %q is empty: there is nothing to answer from.", r.namespace)
	}
	return a, nil
}

func (r *reader) count(q Question) Answer {
	n := r.stats.Nodes
	switch {
	case len(q.EdgeTypes) > 0:
		n = 0
		for _, t := range q.EdgeTypes {
			n += r.stats.EdgeTypes[t]
		}
		return Answer{Count: &n, Text: fmt.Sprintf("There are %s of the type %s.", plural(n, "edge"), strings.Join(q.EdgeTypes, " or "))}
	case q.Type != "":
		n = r.stats.NodeTypes[q.Type]
		return Answer{Count: &n, Text: fmt.Sprintf("There %s %s.", be(n), plural(n, q.Type))}
	}
	return Answer{Count: &n, Text: fmt.Sprintf("The graph has %s and %s.", plural(n, "node"), plural(r.stats.Edges, "edge"))}
}

func (r *reader) types() Answer {
	say := func(counts map[string]uint64) string {
		var out []string
		for _, t := range slices.Sorted(maps.Keys(counts)) {
			out = append(out, fmt.Sprintf("%s (%d)", t, counts[t]))
		}
		if len(out) == 0 {
			return "none"
		}
		return enumerate(out, len(out))
	}
	return Answer{
		Text:      "Node types: " + say(r.stats.NodeTypes) + ". Edge types: " + say(r.stats.EdgeTypes) + ".",
		Truncated: r.stats.Truncated,
	}
}

func (r *reader) answerFind(q Question) (Answer, error) {
	a := Answer{}
	text := unquote(strings.TrimSpace(q.Text))
	if text == "" {
		page, err := r.list(q.Type, q.Limit)
		if err != nil {
			return a, err
		}
		n := r.stats.NodeTypes[q.Type]
		a.Count, a.Truncated = &n, page.Cursor != ""
		a.add(page.Nodes)
		a.Text = fmt.Sprintf("There %s %s: %s.", be(n), plural(n, q.Type), enumerate(labels(page.Nodes), int(n)))
		if n == 0 {
			a.Text = fmt.Sprintf("There are no nodes of the type %s.", q.Type)
		}
		return a, nil
	}
	page, err := r.find(text, graphsync.MatchContains, q.Type, graphsync.MaxLimit)
	if err != nil {
		return a, err
	}
	if len(page.Nodes) == 0 {
		return r.missing(Ref(text))
	}
	rank(page.Nodes, text)
	total, more := len(page.Nodes), page.Cursor != ""
	shown := page.Nodes[:min(total, q.Limit)]
	a.Truncated = more || len(shown) < total
	a.add(shown)
	lead := plural(uint64(total), "node")
	if more {
		lead = "More than " + lead
	}
	verb := "match"
	if total == 1 {
		verb = "matches"
	}
	a.Text = fmt.Sprintf("%s %s %q: %s.", lead, verb, text, enumerate(labels(shown), total))
	return a, nil
}

func (a *Answer) add(nodes []graphsync.Node) {
	for _, n := range nodes {
		a.IDs = append(a.IDs, n.ID)
		a.Nodes = append(a.Nodes, thing(n))
	}
}

func thing(n graphsync.Node) Thing {
	return Thing{ID: n.ID, Type: n.NodeType, Label: n.Label, Key: n.Key}
}

// labels names nodes in a sentence; those that share a label, with their type.
func labels(nodes []graphsync.Node) []string {
	times := map[string]int{}
	for _, n := range nodes {
		times[n.Label]++
	}
	out := make([]string, len(nodes))
	for i, n := range nodes {
		out[i] = clip(n.Label, 200)
		if times[n.Label] > 1 {
			out[i] = name(n)
		}
	}
	return out
}

// name is how a sentence introduces a node.
func name(n graphsync.Node) string {
	return fmt.Sprintf("%s (%s #%d)", clip(n.Label, 200), n.NodeType, n.ID)
}
