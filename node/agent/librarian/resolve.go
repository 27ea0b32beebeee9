package librarian

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// found is what a reference may mean: equally good nodes, the best first, and
// how many match less well.
type found struct {
	nodes  []graphsync.Node
	others int
	text   string // what was looked for, as words were taken from it
}

// one introduces the first node; where several share the name, by the name
// alone, since any of them may be meant.
func (f found) one() string {
	if len(f.nodes) > 1 {
		return clip(f.nodes[0].Label, 200)
	}
	return name(f.nodes[0])
}

// maxCandidates bounds how many equally good nodes are kept.
const maxCandidates = 5

var idRef = regexp.MustCompile(`^(?:(?i:node|id)\s+)?#?(\d{1,18})$`)

// resolve finds the nodes that ref may mean: by id, else by key, else by whole
// label, else by a part of the label (its last path element before any other).
// None is no error.
func (r *reader) resolve(ref Ref) (found, error) {
	text := unquote(strings.TrimSpace(string(ref)))
	if text == "" {
		return found{}, refuse("node", "a node is named by its id, key or label")
	}
	if m := idRef.FindStringSubmatch(text); m != nil {
		id, err := strconv.ParseUint(m[1], 10, 64)
		if err == nil {
			n, err := r.node(id)
			switch {
			case err == nil:
				return found{nodes: []graphsync.Node{n}}, nil
			case !isNo(err):
				return found{}, err
			}
		}
	}
	for _, reading := range r.readings(text) {
		f, err := r.lookup(reading.text, reading.typ)
		if err != nil || len(f.nodes) > 0 {
			return f, err
		}
	}
	return found{}, nil
}

type reading struct{ text, typ string }

// readings are the ways to take a reference: as it stands, without its article,
// and with a type's name before or after taken as the type.
func (r *reader) readings(text string) []reading {
	out := []reading{{text, ""}}
	bare := text
	for _, article := range []string{"the ", "a ", "an "} {
		if len(bare) > len(article) && strings.EqualFold(bare[:len(article)], article) {
			bare = bare[len(article):]
			out = append(out, reading{bare, ""})
			break
		}
	}
	if first, rest, ok := strings.Cut(bare, " "); ok {
		if t, is := r.nodeType(first); is {
			out = append(out, reading{unquote(strings.TrimSpace(rest)), t})
		}
	}
	if i := strings.LastIndexByte(bare, ' '); i > 0 {
		if t, is := r.nodeType(bare[i+1:]); is {
			out = append(out, reading{unquote(strings.TrimSpace(bare[:i])), t})
		}
	}
	return out
}

func (r *reader) lookup(text, typ string) (found, error) {
	if n, err := r.byKey(text); err == nil {
		if typ == "" || n.NodeType == typ {
			return found{nodes: []graphsync.Node{n}}, nil
		}
	} else if !isNo(err) {
		return found{}, err
	}
	page, err := r.find(text, graphsync.MatchExact, typ, maxCandidates+1)
	if err != nil {
		if isNo(err) {
			return found{}, nil
		}
		return found{}, err
	}
	if len(page.Nodes) == 0 {
		if page, err = r.find(text, graphsync.MatchContains, typ, graphsync.MaxLimit); err != nil {
			return found{}, err
		}
	}
	return best(page.Nodes, text), nil
}

// best keeps the nodes whose labels match text equally well, better than the
// others.
func best(nodes []graphsync.Node, text string) found {
	if len(nodes) == 0 {
		return found{}
	}
	want := rank(nodes, text)
	top := closeness(nodes[0].Label, want)
	n := 1
	// Only whole elements of a name can be shared; a mere part is the shortest's.
	for top <= endOfLabel && n < len(nodes) && n < maxCandidates && closeness(nodes[n].Label, want) == top {
		n++
	}
	return found{nodes: nodes[:n], others: len(nodes) - n, text: text}
}

// rank sorts nodes by how well their labels match text, and returns text as it
// was compared.
func rank(nodes []graphsync.Node, text string) string {
	want := fold(text)
	slices.SortStableFunc(nodes, func(a, b graphsync.Node) int {
		return cmp.Or(
			cmp.Compare(closeness(a.Label, want), closeness(b.Label, want)),
			cmp.Compare(len(a.Label), len(b.Label)),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return want
}

// How well a label matches, the best first.
const (
	wholeLabel = iota
	lastElement
	endOfLabel
	wholeWord
	startOfElement
	part
)

func closeness(label, want string) int {
	label = fold(label)
	last := label[strings.LastIndexByte(label, '/')+1:]
	switch {
	case label == want:
		return wholeLabel
	case last == want:
		return lastElement
	case strings.HasSuffix(label, "/"+want):
		return endOfLabel
	case slices.Contains(strings.FieldsFunc(label, notWord), want):
		return wholeWord
	case strings.HasPrefix(last, want):
		return startOfElement
	}
	return part
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// near returns labels that are spelled almost like text.
func (r *reader) near(text string) ([]string, error) {
	want := fold(unquote(text))
	want = want[strings.LastIndexByte(want, '/')+1:]
	runes := []rune(want)
	if len(runes) < 3 || len(runes) > 64 {
		return nil, nil
	}
	third := max(3, (len(runes)+1)/2)
	pieces := unique([]string{string(runes[:2]), string(runes[:3]), string(runes[len(runes)-3:]), string(runes[:third]), string(runes[len(runes)-third:])})
	type guess struct {
		label string
		far   int
	}
	var guesses []guess
	for _, piece := range pieces {
		page, err := r.find(piece, graphsync.MatchContains, "", graphsync.MaxLimit)
		if err != nil {
			if isNo(err) {
				continue
			}
			return nil, err
		}
		for _, n := range page.Nodes {
			last := fold(n.Label)
			last = last[strings.LastIndexByte(last, '/')+1:]
			if far := distance(clip(last, 80), want); far <= max(2, len(runes)/3) {
				guesses = append(guesses, guess{n.Label, far})
			}
		}
	}
	slices.SortFunc(guesses, func(a, b guess) int {
		return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.label, b.label))
	})
	var out []string
	for _, g := range unique(guesses) {
		if !slices.Contains(out, g.label) {
			out = append(out, g.label)
		}
		if len(out) == 3 {
			break
		}
	}
	return out, nil
}

func unquote(s string) string {
	for _, q := range [][2]string{{`"`, `"`}, {"'", "'"}, {"`", "`"}, {"“", "”"}} {
		if inner, ok := strings.CutPrefix(s, q[0]); ok {
			if inner, ok = strings.CutSuffix(inner, q[1]); ok && inner != "" {
				return inner
			}
		}
	}
	return s
}

// isNo says that the graph answered: there is none, or none can be so named.
func isNo(err error) bool {
	var refusal *consensus.Refusal
	return errors.As(err, &refusal) && (refusal.Code == graphsync.CodeNotFound || refusal.Code == graphsync.CodeInvalid)
}
