package search

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func doc(id uint64, typ, label string, more ...string) Change {
	d := Document{ID: id, Type: typ, Updated: int64(id), Texts: []Text{{Field: Label, Text: label}}}
	for i, m := range more {
		d.Texts = append(d.Texts, Text{Observation, fmt.Sprint(i), m})
	}
	return Change{Document: d}
}

func find(t *testing.T, x *Index, text, lang string) []uint64 {
	t.Helper()
	q, err := Parse(text, lang)
	if err != nil {
		t.Fatal(err)
	}
	hits, partial := x.Words("ns", q, Filter{}, 100)
	if partial {
		t.Fatalf("%q is partial", text)
	}
	var ids []uint64
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestWords(t *testing.T) {
	x := New(nil)
	x.Apply("ns", []Change{
		doc(1, "concept", "running shoes", "worn by a runner who runs daily"),
		doc(2, "concept", "Café au lait", "coffee with milk"),
		doc(3, "person", "New York Marathon", "the run through new streets of york"),
		doc(4, "concept", "東京都", "日本の首都"),
		doc(5, "concept", "Die Häuser der Stadt"),
		doc(6, "tool", "snake_case_name", "don't panic"),
		doc(7, "concept", "the who"),
	})
	x.Apply("other", []Change{doc(1, "concept", "running elsewhere")})
	for _, c := range []struct {
		query, lang string
		want        []uint64
	}{
		{"run", "en", []uint64{1, 3}},
		{"run", "none", []uint64{3}},
		{"RUNS", "", []uint64{1, 3}},
		{"cafe", "", []uint64{2}},
		{"+coffee +milk", "", []uint64{2}},
		{"coffee -milk shoes", "", []uint64{1}},
		{`"new york"`, "", []uint64{3}},
		{`"york new"`, "", nil},
		{`york new`, "", []uint64{3}},
		{"runn*", "", []uint64{1}},
		{"cofee~", "", []uint64{2}},
		{"mlik~", "", []uint64{2}},
		{"marahtno~2", "", []uint64{3}},
		{"zzz~2", "", nil},
		{"東京", "", []uint64{4}},
		{"都", "", []uint64{4}},
		{"首都", "", []uint64{4}},
		{"haus", "de", []uint64{5}},
		{"der", "de", []uint64{5}},
		{"the", "", []uint64{3, 7}},
		{"the coffee", "", []uint64{2}},
		{"snake_case", "", []uint64{6}},
		{"case_snake", "", nil},
		{"dont", "", []uint64{6}},
		{"snake_ca*", "", []uint64{6}},
		{"person", "", []uint64{3}},
		{"- + coffee ...", "", []uint64{2}},
	} {
		if got := find(t, x, c.query, c.lang); !slices.Equal(got, c.want) {
			t.Errorf("%s (%s) found %v, want %v", c.query, c.lang, got, c.want)
		}
	}
	q, _ := Parse("coffee OR run", "")
	for _, c := range []struct {
		f    Filter
		want int
	}{{Filter{Types: []string{"person"}}, 1}, {Filter{Types: []string{"nobody"}}, 0}, {Filter{UpdatedFrom: 2}, 2}, {Filter{UpdatedFrom: 2, UpdatedTo: 3}, 1}} {
		if hits, _ := x.Words("ns", q, c.f, 10); len(hits) != c.want {
			t.Errorf("%+v: %d hits, want %d", c.f, len(hits), c.want)
		}
	}
}

func TestLabelsRankBeforeObservations(t *testing.T) {
	x := New(nil)
	x.Apply("ns", []Change{doc(1, "t", "tea", "coffee is another thing"), doc(2, "t", "coffee", "a drink that wakes")})
	q, _ := Parse("coffee", "")
	if hits, _ := x.Words("ns", q, Filter{}, 2); len(hits) != 2 || hits[0].ID != 2 {
		t.Errorf("hits %v", hits)
	}
}

// The model: documents as lists of words, and the scores worked out one by one.
var vocabulary = []string{"a", "ab", "abc", "abd", "b", "bcd", "run", "runs", "running", "the", "zeta", "zetas"}

func genText(r *rapid.T, name string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 8).Draw(r, name), " ")
}

func TestIndexAgainstAScan(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		x, model := New(nil), map[uint64]Change{}
		for range rapid.IntRange(1, 30).Draw(r, "batches") {
			var batch []Change
			for range rapid.IntRange(1, 6).Draw(r, "changes") {
				id := rapid.Uint64Range(1, 25).Draw(r, "id")
				c := doc(id, rapid.SampledFrom([]string{"t1", "t2"}).Draw(r, "type"), genText(r, "label"), genText(r, "text"))
				if rapid.IntRange(0, 3).Draw(r, "what") == 0 {
					c = Change{Document: Document{ID: id}, Delete: true}
					delete(model, id)
				} else {
					model[id] = c
				}
				batch = append(batch, c)
			}
			x.Apply("ns", batch)
			if rapid.Bool().Draw(r, "compact") {
				x.Compact()
			}
		}
		fresh := New(nil)
		fresh.Apply("ns", slices.Collect(maps.Values(model)))
		for range 5 {
			text := genQuery(r)
			q, err := Parse(text, "en")
			if err != nil {
				continue
			}
			want := scan(model, q)
			checkHits(r, x, q, text, want, false)
			checkHits(r, fresh, q, text, want, true)
		}
		needle := rapid.SampledFrom([]string{"a", "b", "un", "run", "ning", "t1", "a b", "ab abc", "nothing", "s"}).Draw(r, "needle")
		after := rapid.Uint64Range(0, 25).Draw(r, "after")
		var got, want []uint64
		x.Contains("ns", needle, Filter{}, after, func(id uint64) bool {
			if d := model[id]; strings.Contains(d.Type, needle) || slices.ContainsFunc(d.Texts, func(t Text) bool { return strings.Contains(t.Text, needle) }) {
				got = append(got, id)
			}
			return true
		})
		for _, id := range slices.Sorted(maps.Keys(model)) {
			d := model[id]
			if id > after && (strings.Contains(d.Type, needle) || strings.Contains(d.Texts[0].Text, needle) || strings.Contains(d.Texts[1].Text, needle)) {
				want = append(want, id)
			}
		}
		if !slices.Equal(got, want) {
			r.Fatalf("%q after %d: %v, want %v", needle, after, got, want)
		}
	})
}

func genQuery(r *rapid.T) string {
	var items []string
	for range rapid.IntRange(1, 4).Draw(r, "items") {
		w := rapid.SampledFrom(vocabulary).Draw(r, "word")
		switch rapid.IntRange(0, 4).Draw(r, "kind") {
		case 0:
			w += "*"
		case 1:
			if len(w) > 1 {
				w += "~"
			}
		case 2:
			w = `"` + w + " " + rapid.SampledFrom(vocabulary).Draw(r, "second") + `"`
		}
		items = append(items, rapid.SampledFrom([]string{"", "", "", "+", "-"}).Draw(r, "sign")+w)
	}
	return strings.Join(items, " ")
}

// checkHits compares what is found with the scan, and the best three of a short
// search with those of a long one.
func checkHits(r *rapid.T, x *Index, q *Query, text string, want map[uint64]float64, scores bool) {
	all, _ := x.Words("ns", q, Filter{}, 1000)
	if len(all) != len(want) {
		r.Fatalf("%s: %v, want %v", text, all, want)
	}
	for _, h := range all {
		score, ok := want[h.ID]
		if !ok || scores && math.Abs(score-float64(h.Score)) > 1e-4*(1+score) {
			r.Fatalf("%s: document %d has %v, want %v", text, h.ID, h.Score, score)
		}
	}
	few, _ := x.Words("ns", q, Filter{}, 3)
	for i, h := range few {
		if math.Abs(float64(h.Score-all[i].Score)) > 1e-4 {
			r.Fatalf("%s: the best are %v of %v", text, few, all)
		}
	}
}
