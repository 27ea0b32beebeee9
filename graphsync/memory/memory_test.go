package memory

import (
	"regexp"
	"strings"
	"testing"
)

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$`)

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		text  string
		words string // of the escaped form; empty: the text itself
	}{
		{"person", ""}, {"works_at", ""}, {"WORKS-AT", ""}, {"_x", ""}, {"schema:Person", ""}, {"a.b", ""},
		{strings.Repeat("x", 64), ""},
		{"works at", "works_at"}, {" works  at ", "works_at"}, {"Café", "Caf"}, {"工作于", "x"}, {"", "x"},
		{"3d model", "x3d_model"}, {"-x", "x-x"}, {"works_at:0123456789", "works_at:0123456789"},
		{strings.Repeat("x", 65), strings.Repeat("x", 48)}, {strings.Repeat("工 x", 40), strings.Repeat("x_", 24)},
		{"\x00\xff", "x"},
	} {
		got, kept := EdgeType(c.text)
		if kept != (c.words != "") || !kept && got != c.text || kept && got[:len(got)-11] != c.words {
			t.Errorf("%q becomes %q (%t)", c.text, got, kept)
		}
		node, _ := NodeType(c.text)
		if node != got {
			t.Errorf("%q as a node type is %q", c.text, node)
		}
	}
	if got, kept := NodeType(Mentioned); !kept || got == Mentioned {
		t.Errorf("an entity of the type %q would pass for one that is only mentioned", got)
	}
}

// A type that was changed by other means is what counts.
func TestStaleOriginal(t *testing.T) {
	if got := EntityType("city", "old town", true); got != "city" {
		t.Error(got)
	}
	if got := RelationType("knows", "has met"); got != "knows" {
		t.Error(got)
	}
}

func FuzzThereAndBack(f *testing.F) {
	for _, s := range []string{"", "person", "works at", "mentioned", "x:0123456789", "工", "\xff", "a\x00b", strings.Repeat("y", 100)} {
		f.Add(s, s+" ")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		node, kept := NodeType(a)
		edge, told := EdgeType(a)
		if !identifier.MatchString(node) || !identifier.MatchString(edge) {
			t.Fatalf("%q becomes %q and %q", a, node, edge)
		}
		original, predicate := "", ""
		if kept {
			original = a
		}
		if told {
			predicate = a
		}
		if EntityType(node, original, kept) != a || RelationType(edge, predicate) != a {
			t.Fatalf("%q is lost", a)
		}
		if other, _ := EdgeType(b); a != b && other == edge {
			t.Fatalf("%q and %q are both %q", a, b, edge)
		}
	})
}
