package graphsync

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestDuplicates(t *testing.T) {
	s := newService(t)
	named := map[string]uint64{}
	for _, n := range []NewNode{
		{NodeType: "Person", Label: "John Smith"}, {NodeType: "Person", Label: "Jon Smith"}, {NodeType: "Person", Label: "Smith, John"},
		{NodeType: "Person", Label: "Jane Smith"}, {NodeType: "City", Label: "John  Smith "}, {NodeType: "Person", Label: "JOHN SMITH"},
		{NodeType: "Person", Label: "Ada Lovelace", Key: "ada"}, {NodeType: "Person", Label: "Countess of Lovelace", Key: "ada-lovelace"},
		{NodeType: "Model", Label: "Engine model 3"}, {NodeType: "Model", Label: "Engine model 4"},
		{NodeType: "City", Label: "Zürich"}, {NodeType: "City", Label: "Zurich"}, {NodeType: "City", Label: "Ürich"},
	} {
		n.SessionID = "s"
		named[n.Label] = mustCreate(t, s, n).ID
	}
	pairs := func(q DuplicateQuery) (out []string) {
		q.Namespace = "s"
		page, _, err := s.Duplicates(bg, stale, q)
		if err != nil || page.Cursor != "" {
			t.Fatal(page, err)
		}
		for _, p := range page.Pairs {
			ends := []string{p.A.Label, p.B.Label}
			slices.Sort(ends)
			out = append(out, fmt.Sprintf("%s = %s %.2f %s", ends[0], ends[1], p.Score, p.Why))
		}
		slices.Sort(out)
		return out
	}
	want := []string{
		"Ada Lovelace = Countess of Lovelace 0.95 a label, key or alias in common",
		"JOHN SMITH = John Smith 1.00 the same label",
		"JOHN SMITH = Jon Smith 0.76 similar spelling",
		"JOHN SMITH = Smith, John 0.93 the same words in another order",
		"John Smith = Jon Smith 0.76 similar spelling",
		"John Smith = Smith, John 0.93 the same words in another order",
	}
	if got := pairs(DuplicateQuery{}); !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	if got := pairs(DuplicateQuery{MinScore: 0.99}); len(got) != 1 {
		t.Fatalf("%q", got)
	}
	if got := pairs(DuplicateQuery{Type: "City", MinScore: 0.4}); len(got) < 2 {
		t.Fatalf("%q", got)
	}
	if _, _, err := s.CreateEdge(bg, alice, NewEdge{SourceID: named["JOHN SMITH"], TargetID: named["John Smith"], EdgeType: DifferentFrom}); err != nil {
		t.Fatal(err)
	}
	if got := pairs(DuplicateQuery{}); slices.Contains(got, want[1]) || len(got) != len(want)-1 {
		t.Fatalf("%q", got)
	}
	for _, q := range []DuplicateQuery{{}, {Namespace: "s", MinScore: 2}, {Namespace: "s", Limit: -1}, {Namespace: "s", Type: "?"}, {Namespace: "s", Cursor: "x"}} {
		if _, _, err := s.Duplicates(bg, stale, q); code(err) != CodeInvalid {
			t.Fatalf("%+v: %v", q, err)
		}
	}
}

// Every pair that was made is found among many nodes, page by page and once.
func TestDuplicatesAmongMany(t *testing.T) {
	s := newBolt(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() string {
		b := make([]byte, 4+rnd.IntN(5))
		for i := range b {
			b[i] = "abcdefghijklmnoprstuvwz"[rnd.IntN(23)]
		}
		return string(b)
	}
	twins := map[uint64]bool{}
	for range 10 {
		var ops []Op
		var made []int
		for range 100 {
			a := word() + " " + word() + " " + word()
			ops = append(ops, Op{Op: OpCreateNode, Type: "n", Label: ptr(a)})
			if rnd.IntN(10) == 0 {
				made = append(made, len(ops))
				ops = append(ops, Op{Op: OpCreateNode, Type: "n", Label: ptr(a[:5] + a[6:])})
			}
		}
		res, _, err := s.Batch(bg, alice, "s", ops)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range made {
			twins[res[i].ID] = true
		}
	}
	q := DuplicateQuery{Namespace: "s", Limit: 7}
	seen := map[string]bool{}
	for pages := 0; ; pages++ {
		page, _, err := s.Duplicates(bg, stale, q)
		if err != nil || pages > 100 {
			t.Fatal(pages, err)
		}
		for _, p := range page.Pairs {
			id := fmt.Sprint(min(p.A.ID, p.B.ID), max(p.A.ID, p.B.ID))
			if seen[id] {
				t.Fatal(id, "twice")
			}
			seen[id] = true
			delete(twins, max(p.A.ID, p.B.ID))
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if len(twins) > 0 {
		t.Fatal(len(twins), "pairs were not found")
	}
}
