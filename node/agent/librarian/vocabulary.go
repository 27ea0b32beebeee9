package librarian

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/meshd/meshd/graphsync"
)

// vocabulary is what the graph gives the grammar: its types as words.
type vocabulary struct {
	nodeTypes []string
	edgeTypes []string
	phrases   []phrase // the longest first
}

// phrase is a way to say a relation: "depends on" follows these edge types
// from the one who depends.
type phrase struct {
	words string
	types []string
	// reverse says that the edges run the other way: contains, of part_of.
	reverse bool
}

// dependency are the edge types that "depend on" stands for.
var dependency = []string{"depends_on", "depends", "imports", "requires", "uses", "needs"}

// containment, and its inverse, stand for each other.
var (
	containment = []string{"contains", "includes", "has"}
	membership  = []string{"part_of", "belongs_to", "contained_in", "member_of"}
)

func newVocabulary(st graphsync.Stats) *vocabulary {
	v := &vocabulary{
		nodeTypes: slices.Sorted(maps.Keys(st.NodeTypes)),
		edgeTypes: slices.Sorted(maps.Keys(st.EdgeTypes)),
	}
	for _, t := range v.edgeTypes {
		words := split(t)
		if len(words) == 0 {
			continue
		}
		verb, rest := base(words[0]), strings.Join(words[1:], " ")
		for _, form := range unique([]string{words[0], verb, withS(verb)}) {
			v.add(strings.TrimSpace(form+" "+rest), false, t)
		}
	}
	for _, verb := range []string{"depend on", "depends on"} {
		v.add(verb, false, v.existing(dependency)...)
	}
	// The common verbs of dependence mean whatever dependence there is, where
	// the graph has no edges of their own.
	for _, verb := range []string{"import", "use", "require", "need"} {
		for _, form := range []string{verb, withS(verb)} {
			if !v.has(form) {
				v.add(form, false, v.existing(dependency)...)
			}
		}
	}
	for _, form := range []string{"contain", "contains", "include", "includes"} {
		if !v.has(form) {
			if types := v.existing(containment); len(types) > 0 {
				v.add(form, false, types...)
			} else {
				v.add(form, true, v.existing(membership)...)
			}
		}
	}
	for _, form := range []string{"part of", "in", "inside"} {
		if !v.has(form) {
			if types := v.existing(membership); len(types) > 0 {
				v.add(form, false, types...)
			} else {
				v.add(form, true, v.existing(containment)...)
			}
		}
	}
	slices.SortStableFunc(v.phrases, func(a, b phrase) int {
		return cmp.Or(len(b.words)-len(a.words), cmp.Compare(a.words, b.words))
	})
	return v
}

func (v *vocabulary) add(words string, reverse bool, types ...string) {
	for i, p := range v.phrases {
		if p.words == words && p.reverse == reverse {
			v.phrases[i].types = unique(append(slices.Clone(p.types), types...))
			return
		}
	}
	v.phrases = append(v.phrases, phrase{words: words, types: types, reverse: reverse})
}

func (v *vocabulary) has(words string) bool {
	return slices.ContainsFunc(v.phrases, func(p phrase) bool { return p.words == words })
}

// existing returns the graph's own spelling of those of names that it has.
func (v *vocabulary) existing(names []string) []string {
	var out []string
	for _, name := range names {
		for _, t := range v.edgeTypes {
			if strings.Join(split(t), "_") == name {
				out = append(out, t)
			}
		}
	}
	return out
}

// nodeType finds a type by its name or plural, in any case.
func (v *vocabulary) nodeType(word string) (string, bool) {
	word = strings.Join(split(word), " ")
	for _, t := range v.nodeTypes {
		name := strings.Join(split(t), " ")
		if word == name || word == withS(name) {
			return t, true
		}
	}
	return "", false
}

// edgeType finds an edge type by its name in any case and with any separator.
func (v *vocabulary) edgeType(word string) (string, bool) {
	want := strings.Join(split(word), "_")
	for _, t := range v.edgeTypes {
		if strings.Join(split(t), "_") == want {
			return t, true
		}
	}
	return "", false
}

// leading finds the phrase that begins s, and what follows it.
func (v *vocabulary) leading(s string) (phrase, string, bool) {
	for _, p := range v.phrases {
		if rest, ok := strings.CutPrefix(s, p.words+" "); ok && strings.TrimSpace(rest) != "" {
			return p, rest, true
		}
	}
	return phrase{}, "", false
}

// trailing finds the phrase that ends s, and what comes before it.
func (v *vocabulary) trailing(s string) (phrase, string, bool) {
	for _, p := range v.phrases {
		if before, ok := strings.CutSuffix(s, " "+p.words); ok && strings.TrimSpace(before) != "" {
			return p, before, true
		}
	}
	return phrase{}, "", false
}

// inside finds a phrase within s, and what stands on either side of it.
func (v *vocabulary) inside(s string) (before string, p phrase, after string, ok bool) {
	for _, p := range v.phrases {
		if i := strings.Index(s, " "+p.words+" "); i > 0 {
			before, after = strings.TrimSpace(s[:i]), strings.TrimSpace(s[i+len(p.words)+2:])
			if before != "" && after != "" {
				return before, p, after, true
			}
		}
	}
	return "", phrase{}, "", false
}
