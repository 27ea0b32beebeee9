package search

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func with(c Change, updated int64) Change {
	c.Updated = updated
	return c
}

func TestUnchangedDocumentsKeepTheirPlace(t *testing.T) {
	x := New(nil)
	x.Apply("ns", []Change{doc(1, "t", "tea", "green"), doc(2, "t", "tea", "black"), doc(3, "t", "tea")})
	x.Apply("ns", []Change{with(doc(1, "t", "tea", "green"), 70), with(doc(2, "u", "tea", "black"), 70), with(doc(3, "t", "tea"), 60)})
	found := func(f Filter) (ids []uint64) {
		q, _ := Parse("tea", "")
		hits, _ := x.Words("ns", q, f, 10)
		for _, h := range hits {
			ids = append(ids, h.ID)
		}
		slices.Sort(ids)
		return ids
	}
	check := func(when string) {
		t.Helper()
		for _, c := range []struct {
			f    Filter
			want []uint64
		}{
			{Filter{}, []uint64{1, 2, 3}},
			{Filter{UpdatedFrom: 70}, []uint64{1, 2}},
			{Filter{UpdatedTo: 70}, []uint64{3}},
			{Filter{Types: []string{"u"}}, []uint64{2}},
		} {
			if got := found(c.f); !slices.Equal(got, c.want) {
				t.Errorf("%s: %+v found %v, want %v", when, c.f, got, c.want)
			}
		}
	}
	if n := x.Stats(); n.Segments != 2 || n.Documents != 3 {
		t.Errorf("%+v", n)
	}
	check("before merging")
	s := x.space("ns")
	merged := mergeSegments(s.snap.Load().segs)
	s.snap.Store(&snapshot{segs: []live{{segment: merged}}, types: s.snap.Load().types, docs: 3, words: s.snap.Load().words})
	check("after merging")
}

func TestTimesThatChangeDuringAMergeAreKept(t *testing.T) {
	x := New(nil)
	x.Apply("ns", []Change{doc(1, "t", "a"), doc(2, "t", "b"), doc(3, "t", "c")})
	s := x.space("ns")
	was := s.snap.Load().segs[0]
	merged := live{segment: mergeSegments([]live{was})}
	x.Apply("ns", []Change{with(doc(1, "t", "a"), 90), {Document: Document{ID: 2}, Delete: true}})
	merged.bury(&was, &s.snap.Load().segs[0])
	if merged.updatedAt(0) != 90 || merged.has(1) || merged.updatedAt(2) != 3 || merged.ndead != 1 {
		t.Errorf("merged %v, %d dead", merged.updated, merged.ndead)
	}
}

func TestSumsTellTextsApart(t *testing.T) {
	a := Document{Type: "t", Texts: []Text{{Label, "", "ab"}, {Key, "", "c"}}}
	for _, b := range []Document{
		{Type: "t", Texts: []Text{{Label, "", "a"}, {Key, "", "bc"}}},
		{Type: "t", Texts: []Text{{Key, "", "ab"}, {Label, "", "c"}}},
		{Type: "t", Texts: []Text{{Label, "", "abc"}}},
		{Type: "u", Texts: a.Texts},
	} {
		if a.sum() == b.sum() {
			t.Errorf("%+v has the sum of %+v", b, a)
		}
	}
	if b := (Document{ID: 7, Type: "t", Updated: 9, Texts: a.Texts}); a.sum() != b.sum() {
		t.Error("id and time are part of the sum")
	}
}

func TestGramsAgainstASort(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var g gramSorter
		want := map[uint64]bool{}
		for doc := range uint32(rapid.IntRange(0, 40).Draw(r, "documents")) {
			text := strings.Repeat(rapid.SampledFrom([]string{"ab ", "xyz.", "日本", "a\x00\x00", "q"}).Draw(r, "text"), rapid.IntRange(0, 40).Draw(r, "times"))
			g.add(text, doc)
			text += "\x00\x00"
			for i := range len(text) - 2 {
				want[uint64(text[i])<<48|uint64(text[i+1])<<40|uint64(text[i+2])<<32|uint64(doc)] = true
			}
		}
		got := slices.Clone(g.sorted())
		if !slices.IsSorted(got) {
			r.Fatal("not sorted")
		}
		if got = slices.Compact(got); len(got) != len(want) {
			r.Fatalf("%d grams, want %d", len(got), len(want))
		}
		for _, v := range got {
			if !want[v] {
				r.Fatalf("%x is none", v)
			}
		}
	})
}

// A long number is found by its beginning, and what stands behind it whole.
func TestLongNumbersHaveFewGrams(t *testing.T) {
	var raw [4000]byte
	_, _ = rand.NewChaCha8([32]byte{1}).Read(raw[:])
	number := hex.EncodeToString(raw[:])
	text := "before " + number + " behind " + strings.Repeat("/long/path2/components", 20) + "/Last_name.go"
	for _, c := range []struct {
		text string
		most int
	}{{number, maxRun}, {base64.StdEncoding.EncodeToString(raw[:]), len(raw) * 2 / 3}} {
		var g gramSorter
		if g.add(c.text, 0); len(g.list) > c.most {
			t.Errorf("%d bytes have %d grams", len(c.text), len(g.list))
		}
	}
	x := New(nil)
	x.Apply("ns", []Change{doc(1, "t", "label", text)})
	for _, needle := range []string{number, number[:40], number[:maxRun+40], number[80:maxRun], "behind", "last_name.go", "before " + number[:20]} {
		n := 0
		x.Contains("ns", needle, Filter{}, 0, func(uint64) bool { n++; return true })
		if n != 1 {
			t.Errorf("%q is not found", needle)
		}
	}
	if got := find(t, x, number[:1000], "none"); len(got) != 1 {
		t.Errorf("the number itself is not found: %v", got)
	}
}
