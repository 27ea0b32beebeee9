package check

import (
	"slices"
	"testing"
	"time"
)

// at makes an operation on register x from call to return.
func at(kind Kind, value string, version, revision uint64, call, back int64) Op {
	return Op{Kind: kind, Key: "x", Node: "n1", Value: value, Version: version, Revision: revision, Call: call, Return: back, Outcome: OK}
}

func unknown(o Op) Op { o.Outcome, o.Version, o.Revision = Unknown, 0, 0; return o }

func kinds(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.Kind)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

var initial = map[string]string{"x": "new"}

func TestRegisters(t *testing.T) {
	cas := func(value string, expect, version uint64, call, back int64) Op {
		o := at(CAS, value, version, 0, call, back)
		o.Expect = expect
		return o
	}
	mismatch := func(expect uint64, call, back int64) Op {
		o := cas("m", expect, 0, call, back)
		o.Mismatch = true
		return o
	}
	tests := []struct {
		name    string
		history []Op
		broken  bool
	}{
		{"one after the other", []Op{at(Write, "a", 2, 1, 1, 2), at(Read, "a", 2, 1, 3, 4), cas("b", 2, 3, 5, 6), at(Read, "b", 3, 2, 7, 8)}, false},
		{"a read that missed a write", []Op{at(Write, "a", 2, 1, 1, 2), at(Read, "new", 1, 0, 3, 4)}, true},
		{"a read beside a write may miss it", []Op{at(Write, "a", 2, 1, 1, 4), at(Read, "new", 1, 0, 2, 3)}, false},
		{"an unknown write may come late", []Op{unknown(at(Write, "a", 0, 0, 1, 2)), at(Read, "new", 1, 0, 3, 4), at(Read, "a", 2, 1, 5, 6)}, false},
		{"an unknown write may never come", []Op{unknown(at(Write, "a", 0, 0, 1, 2)), at(Read, "new", 1, 0, 3, 4)}, false},
		{"an unknown write does not come and go", []Op{unknown(at(Write, "a", 0, 0, 1, 2)), at(Read, "a", 2, 1, 3, 4), at(Read, "new", 1, 0, 5, 6)}, true},
		{"a write that took effect twice", []Op{at(Write, "a", 2, 1, 1, 2), at(Read, "a", 3, 2, 3, 4)}, true},
		{"two winners of one version", []Op{cas("a", 1, 2, 1, 2), cas("b", 1, 2, 3, 4)}, true},
		{"a loser", []Op{cas("a", 1, 2, 1, 2), mismatch(1, 3, 4)}, false},
		{"a loser without a winner", []Op{mismatch(1, 3, 4)}, true},
		{"two leaders", []Op{at(Write, "a", 2, 1, 1, 2), at(Write, "b", 2, 1, 1, 2), at(Read, "a", 2, 1, 3, 4)}, true},
		{"a refused write that was read", []Op{{Kind: Write, Key: "x", Value: "a", Call: 1, Return: 2, Outcome: Refused}, at(Read, "a", 2, 1, 3, 4)}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, problems := Registers(tt.history, initial, time.Minute)
			if broken := len(problems) > 0; broken != tt.broken || v.Undecided > 0 {
				t.Errorf("broken %t, want %t (%+v)", broken, tt.broken, v)
			}
		})
	}
}

func TestStaleReads(t *testing.T) {
	fresh := []Op{at(Write, "a", 2, 1, 1, 2), at(Read, "a", 2, 1, 3, 4), at(Write, "b", 3, 2, 3, 9), at(Read, "a", 2, 1, 8, 10)}
	if got := StaleReads(fresh); len(got) > 0 {
		t.Errorf("fresh reads: %v", got)
	}
	missed := []Op{at(Write, "a", 2, 1, 1, 2), at(Read, "new", 1, 0, 3, 4)}
	if got := kinds(StaleReads(missed)); !slices.Equal(got, []string{"stale"}) {
		t.Errorf("a missed write: %v", got)
	}
	back := []Op{unknown(at(Write, "a", 0, 0, 1, 2)), at(Read, "a", 2, 1, 3, 4), at(Read, "new", 1, 0, 5, 6)}
	if got := kinds(StaleReads(back)); !slices.Equal(got, []string{"stale"}) {
		t.Errorf("a read after a newer one: %v", got)
	}
}

func TestRevisions(t *testing.T) {
	w := at(Write, "a", 2, 10, 1, 2)
	tests := []struct {
		name    string
		history []Op
		want    []string
	}{
		{"one order", []Op{w, at(Stale, "new", 1, 9, 5, 6), at(Stale, "a", 2, 10, 3, 4), at(Stale, "a", 2, 12, 3, 4)}, nil},
		{"an old version at a new revision", []Op{w, at(Stale, "new", 1, 11, 3, 4)}, []string{"order"}},
		{"a version before its revision", []Op{w, at(Stale, "a", 2, 9, 3, 4)}, []string{"order"}},
		{"two values of one version", []Op{w, unknown(at(Write, "b", 0, 0, 1, 2)), at(Stale, "b", 2, 11, 3, 4)}, []string{"diverged"}},
		{"two versions at one revision", []Op{w, at(Stale, "new", 1, 10, 3, 4)}, []string{"diverged"}},
		{"a value of nobody", []Op{w, at(Stale, "z", 2, 10, 3, 4)}, []string{"diverged", "foreign"}},
		{"below the revision asked for", []Op{w, {Kind: AtLeast, Key: "x", Value: "new", Version: 1, Revision: 8, MinRevision: 10, Outcome: OK}}, []string{"stale"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kinds(Revisions(tt.history, initial)); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestBackwards(t *testing.T) {
	forth := []Op{at(Write, "a", 2, 10, 1, 2), at(Stale, "a", 2, 10, 3, 4), at(Stale, "a", 2, 12, 5, 6)}
	if got := Backwards(forth); len(got) > 0 {
		t.Errorf("forth: %v", got)
	}
	if got := kinds(Backwards(append(forth, at(Stale, "a", 2, 11, 7, 8)))); !slices.Equal(got, []string{"backwards"}) {
		t.Errorf("back: %v", got)
	}
}

func TestStates(t *testing.T) {
	var c States
	for _, s := range []State{{"a", 1, "h1"}, {"b", 2, "h2"}, {"b", 1, "h1"}} {
		if p, bad := c.Add(s); bad {
			t.Errorf("%+v: %v", s, p)
		}
	}
	if _, bad := c.Add(State{"c", 2, "other"}); !bad {
		t.Error("another hash at one revision went through")
	}
}

func TestElements(t *testing.T) {
	add := func(key string, o Outcome) Op { return Op{Kind: Add, Key: key, Call: 1, Return: 2, Outcome: o} }
	del := func(key string, o Outcome) Op { return Op{Kind: Delete, Key: key, Call: 3, Return: 4, Outcome: o} }
	there := func(counts map[string]int) []Listing {
		return []Listing{{Node: "n1", Nodes: counts, Edges: map[string]int{}}}
	}
	tests := []struct {
		name    string
		history []Op
		there   map[string]int
		want    []string
	}{
		{"as promised", []Op{add("a", OK), add("b", Unknown), add("c", Unknown), add("d", Refused)}, map[string]int{"a": 1, "b": 1}, nil},
		{"lost", []Op{add("a", OK)}, nil, []string{"lost"}},
		{"twice", []Op{add("a", Unknown)}, map[string]int{"a": 2}, []string{"duplicated"}},
		{"refused and there", []Op{add("a", Refused)}, map[string]int{"a": 1}, []string{"foreign"}},
		{"out of nowhere", nil, map[string]int{"a": 1}, []string{"foreign"}},
		{"deleted", []Op{add("a", OK), del("a", OK)}, nil, nil},
		{"deleted and there", []Op{add("a", OK), del("a", OK)}, map[string]int{"a": 1}, []string{"deleted"}},
		{"perhaps deleted", []Op{add("a", OK), del("a", Unknown), add("b", OK), del("b", Unknown)}, map[string]int{"a": 1}, nil},
		{"a refused deletion", []Op{add("a", OK), del("a", Refused)}, nil, []string{"lost"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kinds(Elements(tt.history, there(tt.there))); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	edges := []Op{{Kind: Edge, Key: "e", Outcome: OK}}
	l := Listing{Node: "n1", Edges: map[string]int{"e": 1}, IDs: map[uint64]bool{1: true}, Ends: map[string][2]uint64{"e": {1, 2}}}
	if got := kinds(Elements(edges, []Listing{l})); !slices.Equal(got, []string{"foreign"}) {
		t.Errorf("an edge without an end: %v", got)
	}
}

func TestBatches(t *testing.T) {
	part := func(key string) Op { return Op{Kind: Add, Key: key, Batch: "b", Outcome: Unknown} }
	history := []Op{part("b/0"), part("b/1"), {Kind: Add, Key: "alone", Outcome: OK}}
	for _, tt := range []struct {
		there map[string]int
		want  []string
	}{
		{nil, nil},
		{map[string]int{"b/0": 1, "b/1": 1}, nil},
		{map[string]int{"b/1": 1}, []string{"torn"}},
	} {
		if got := kinds(Batches(history, []Listing{{Node: "n1", Nodes: tt.there}})); !slices.Equal(got, tt.want) {
			t.Errorf("%v: got %v, want %v", tt.there, got, tt.want)
		}
	}
}

func TestReplaysAndSightings(t *testing.T) {
	made := func(id uint64) Op {
		return Op{Kind: Add, Key: "a", ID: id, Idempotent: "k", Call: 1, Return: 2, Outcome: OK}
	}
	if got := Replays([]Op{made(1), made(1)}); len(got) > 0 {
		t.Errorf("the same again: %v", got)
	}
	if got := kinds(Replays([]Op{made(1), made(2)})); !slices.Equal(got, []string{"duplicated"}) {
		t.Errorf("another: %v", got)
	}
	has := func(found bool, call int64) Op {
		return Op{Kind: Has, Key: "a", Found: found, Call: call, Return: call + 1, Outcome: OK}
	}
	gone := Op{Kind: Delete, Key: "a", Call: 10, Return: 20, Outcome: OK}
	if got := Sightings([]Op{made(1), has(true, 5), has(true, 11), has(false, 12), gone, has(false, 30)}); len(got) > 0 {
		t.Errorf("what may be seen: %v", got)
	}
	if got := Sightings([]Op{made(1), has(false, 5), gone, has(true, 30)}); len(got) != 2 {
		t.Errorf("a miss and a ghost: %v", got)
	}
}
