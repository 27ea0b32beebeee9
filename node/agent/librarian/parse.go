package librarian

import (
	"regexp"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

// pattern is one row of the grammar. Rows are tried in order. read turns the
// groups of the match into a question, or declines.
type pattern struct {
	// example is one sentence the row reads, for help and LIBRARIAN.md.
	example string
	re      *regexp.Regexp
	read    func(v *vocabulary, g []string) (Question, bool)
}

// The grammar. Sentences come without case in the fixed words, without final
// punctuation and courtesies; X, Y name nodes, T a node type, R a relation in
// the graph's own edge types.
var patterns = []pattern{
	{"help", re(`(?:help|(?:what|who) are you|what can (?:i ask|you (?:do|answer|tell me)).*|hello|hi)`), func(_ *vocabulary, _ []string) (Question, bool) {
		return Question{Op: "help"}, true
	}},
	{"list types", re(`(?:(?:list|show|what|which|get) )?(?:me )?(?:all )?(?:the )?(?:kinds|types|node types|edge types)(?: (?:are|of|exist).*)?`), func(_ *vocabulary, _ []string) (Question, bool) {
		return Question{Op: "types"}, true
	}},
	{"how many packages depend on X", re(`how many (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		q, ok := incoming(v, g[0])
		q.counted = true
		return q, ok
	}},
	{"how many packages does X import", re(`how many (.+?) (?:does|do|did|has|is|are) (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		q, ok := outgoing(v, g[0], g[1])
		q.counted = true
		return q, ok
	}},
	{"how many dependents does X have", re(`how many (.+?) does (.+) have`), func(v *vocabulary, g []string) (Question, bool) {
		q, ok := possessive(v, g[0], g[1])
		q.counted = true
		return q, ok
	}},
	{"how many packages", re(`(?:how many|count(?: the| all)?|number of) (.+?)(?: (?:are there|do you know|exist|are known|have you|in the graph|in all|there are).*)?`), func(v *vocabulary, g []string) (Question, bool) {
		return counting(v, g[0])
	}},
	{"path from X to Y", re(`(?:(?:find|show|give|get|what is|is there) )?(?:me )?(?:the |a |any )?(?:shortest )?(?:path|route|way|connection|chain) (?:from|between) (.+?) (?:to|and) (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "path", From: Ref(g[0]), To: Ref(g[1]), along: true}, true
	}},
	{"how is X connected to Y", re(`(?:how (?:is|are)|why (?:is|are)|is|are) (.+?) (?:connected|related|linked|joined) (?:to|with|and) (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "path", From: Ref(g[0]), To: Ref(g[1]), along: true}, true
	}},
	{"why does X depend on Y", re(`(?:how|why) (?:does|do|is|are) (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		return between(v, g[0])
	}},
	{"does X depend on Y", re(`(?:does|do|is|are) (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		q, ok := between(v, g[0])
		q.yesNo = true
		return q, ok
	}},
	{"what is X connected to", re(`(?:what|who) (?:is|are) (.+?) (?:connected|related|linked|joined) (?:to|with)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "neighbors", Node: Ref(g[0]), Direction: graphsync.Both}, true
	}},
	{"neighbours of X", re(`(?:(?:what|who) (?:is|are) |show |list |find |get )?(?:me )?(?:the )?(?:neighbou?rs of|neighbou?rhood of|near|next to|around|connected to|related to|linked to|surroundings of|neighbou?rs) (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "neighbors", Node: Ref(g[0]), Direction: graphsync.Both}, true
	}},
	{"dependents of X", re(`(?:(?:what|who|which) (?:is|are) |show |list |find |get )?(?:me )?(?:all )?(?:the )?(\w+) of (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		return possessive(v, g[0], g[1])
	}},
	{"what does X import", re(`(?:what|who|whom|which)(?: (.+?))? (?:does|do|did|is|are) (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		return outgoing(v, g[0], g[1])
	}},
	{"what is the licence of X", re(`(?:what is|what's|show(?: me)?|get|give me|which is) the (\w+) of (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "describe", Node: Ref(g[1]), Property: g[0]}, true
	}},
	{"which version does X have", re(`(?:what|which) (\w+) (?:(?:does|do) (.+) have|(?:is|has) (.+))`), func(v *vocabulary, g []string) (Question, bool) {
		_, is := v.nodeType(g[0])
		return Question{Op: "describe", Node: Ref(g[1] + g[2]), Property: g[0]}, !is
	}},
	{"what depends on X", re(`(?:what|who|which|list|find|show)(?: all)? (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		return incoming(v, g[0])
	}},
	{"packages that import X", re(`(?:all |the )?(.+)`), func(v *vocabulary, g []string) (Question, bool) {
		if _, ok := v.nodeType(strings.SplitN(fold(g[0]), " ", 2)[0]); !ok {
			return Question{}, false
		}
		return incoming(v, g[0])
	}},
	{"list packages", re(`(?:list|show|find|get|which|what)(?: me)?(?: all)?(?: the)? (\S+)(?: (?:are there|do you know|exist|are known))?`), func(v *vocabulary, g []string) (Question, bool) {
		t, ok := v.nodeType(g[0])
		return Question{Op: "find", Type: t}, ok
	}},
	{"find packages named X", re(`(?:find|search(?: for)?|look (?:up|for)|list|show|which|where (?:is|are))(?: me)?(?: all)?(?: the)? (.+?)(?: that are)? (?:named|called|like|with|containing|matching) (.+)`), func(v *vocabulary, g []string) (Question, bool) {
		t, ok := v.nodeType(g[0])
		if !ok {
			return Question{Op: "find", Text: g[1]}, fold(g[0]) == "nodes" || fold(g[0]) == "anything" || fold(g[0]) == "things"
		}
		return Question{Op: "find", Type: t, Text: g[1]}, true
	}},
	{"find X", re(`(?:find|search(?: for)?|look (?:up|for)|where (?:is|are)|do you know) (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "find", Text: g[0]}, true
	}},
	{"what is X", re(`(?:(?:what|who|which) (?:is|are|was|were)|what's|whats|who's|describe|explain|show(?: me)?|tell me (?:more )?about|about|define|details of|get|info(?:rmation)? (?:on|about)) (.+)`), func(_ *vocabulary, g []string) (Question, bool) {
		return Question{Op: "describe", Node: Ref(g[0])}, true
	}},
}

func re(s string) *regexp.Regexp { return regexp.MustCompile(`(?is)^(?:` + s + `)$`) }

var (
	courtesy   = regexp.MustCompile(`(?i)^(?:(?:hey|hi|hello|dear|ok|okay|please|librarian|could you|can you|would you|will you|tell me(?: please)?|i(?: would|'d) like to know|do you know|say)[ ,:]+)+`)
	thoroughly = regexp.MustCompile(`(?i)(?:,? (?:transitively|indirectly|recursively|in all|directly (?:or|and) indirectly|at any depth))$`)
)

// parse reads a sentence with the words of a graph; false where no row of the
// grammar does.
func parse(sentence string, v *vocabulary) (Question, bool) {
	s := strings.Join(strings.Fields(sentence), " ")
	s = strings.TrimRight(s, "?!. ")
	bare := s
	if cut := courtesy.ReplaceAllString(s, ""); cut != "" {
		s = cut
	}
	depth := 0
	if cut := thoroughly.ReplaceAllString(s, ""); cut != s && cut != "" {
		s, depth = cut, graphsync.MaxNeighborDepth
	}
	for _, s := range unique([]string{s, bare}) {
		for _, p := range patterns {
			m := p.re.FindStringSubmatch(s)
			if m == nil {
				continue
			}
			if q, ok := p.read(v, m[1:]); ok {
				if q.Op == "neighbors" {
					q.Depth = depth
				}
				return q, true
			}
		}
	}
	return Question{}, false
}

// incoming reads "[T] [that] R X": who has the relation to X.
func incoming(v *vocabulary, s string) (Question, bool) {
	low := asciiLower(s)
	typ := ""
	if first, rest, ok := strings.Cut(low, " "); ok {
		if t, is := v.nodeType(first); is {
			typ, s, low = t, s[len(s)-len(rest):], rest
		} else if first == "nodes" || first == "things" || first == "else" {
			s, low = s[len(s)-len(rest):], rest
		}
	}
	for _, skip := range []string{"that ", "which ", "who ", "directly ", "is ", "are ", "was ", "were ", "there "} {
		if rest, ok := strings.CutPrefix(low, skip); ok {
			s, low = s[len(skip):], rest
		}
	}
	p, rest, ok := v.leading(low)
	if !ok {
		return Question{}, false
	}
	q := related(p, graphsync.In)
	q.Node, q.Type = Ref(s[len(s)-len(rest):]), typ
	return q, true
}

// outgoing reads "[T] does X R": what X has the relation to.
func outgoing(v *vocabulary, typ, s string) (Question, bool) {
	low := strings.TrimSuffix(asciiLower(s), " directly")
	s = s[:len(low)]
	p, before, ok := v.trailing(low)
	if !ok {
		return Question{}, false
	}
	q := related(p, graphsync.Out)
	q.Node = Ref(s[:len(before)])
	if typ = strings.TrimSpace(typ); typ != "" {
		if q.Type, ok = v.nodeType(typ); !ok && fold(typ) != "else" && fold(typ) != "nodes" && fold(typ) != "things" {
			return Question{}, false
		}
	}
	return q, true
}

// possessive reads "R-nouns of X": dependencies, dependents, imports, importers.
func possessive(v *vocabulary, noun, of string) (Question, bool) {
	noun = fold(noun)
	if noun == "neighbours" || noun == "neighbors" || noun == "links" || noun == "edges" || noun == "relations" || noun == "connections" {
		return Question{Op: "neighbors", Node: Ref(of), Direction: graphsync.Both}, true
	}
	// What dependence is called, seen from either side.
	words, dir := noun, graphsync.Out
	switch noun {
	case "dependencies", "deps", "requirements":
		words = "depends on"
	case "dependents", "dependants":
		words, dir = "depends on", graphsync.In
	case "contents", "parts", "members":
		words = "contains"
	default:
		if stem, ok := strings.CutSuffix(base(noun), "er"); ok { // importers, users
			for _, w := range []string{stem + "s", stem + "es"} {
				if v.has(w) {
					words, dir = w, graphsync.In
				}
			}
		}
	}
	for _, p := range v.phrases {
		if p.words == words {
			q := related(p, dir)
			q.Node = Ref(of)
			return q, true
		}
	}
	return Question{}, false
}

// between reads "X R Y": the chain of such edges from X to Y.
func between(v *vocabulary, s string) (Question, bool) {
	before, p, after, ok := v.inside(asciiLower(s))
	if !ok {
		return Question{}, false
	}
	q := related(p, graphsync.Out)
	q.Op = "path"
	q.From, q.To = Ref(s[:len(before)]), Ref(s[len(s)-len(after):])
	return q, true
}

func counting(v *vocabulary, what string) (Question, bool) {
	switch f := fold(what); f {
	case "nodes", "things", "entities", "edges", "links", "relations", "facts", "all", "it", "nodes and edges":
		return Question{Op: "count"}, true
	default:
		if t, ok := v.nodeType(f); ok {
			return Question{Op: "count", Type: t}, true
		}
		if t, ok := v.edgeType(f); ok {
			return Question{Op: "count", EdgeTypes: []string{t}}, true
		}
	}
	return Question{}, false
}

// related makes the question of a relation; a reversed phrase swaps the sides.
func related(p phrase, d graphsync.Direction) Question {
	if p.reverse {
		if d == graphsync.In {
			d = graphsync.Out
		} else {
			d = graphsync.In
		}
	}
	return Question{Op: "neighbors", EdgeTypes: p.types, Direction: d, phrase: p.words, swapped: p.reverse}
}

// asciiLower keeps every byte in its place, so that a part found in the lower
// case can be cut out of the original.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
