package consensus_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"pgregory.net/rapid"
)

// An overlay reads like the state with its writes applied, whatever the order
// of puts and deletes, and leaves the base as it was.
func TestOverlayIsTheStateWithItsWrites(t *testing.T) {
	const table = consensus.Table("t/x")
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[a-d]{1,2}`)
		base, model := consensustest.NewMemory(), map[string]string{}
		seed := consensus.NewOverlay(base)
		for _, k := range rapid.SliceOf(key).Draw(t, "base") {
			seed.Put(table, []byte(k), []byte("base"))
			model[k] = "base"
		}
		base.Flush(seed.Writes())
		before := maps.Clone(model)

		o := consensus.NewOverlay(base)
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			k := key.Draw(t, "key")
			if rapid.Bool().Draw(t, "delete") {
				o.Delete(table, []byte(k))
				delete(model, k)
			} else {
				o.Put(table, []byte(k), []byte("new"))
				model[k] = "new"
			}
		}
		from, to := key.Draw(t, "from"), key.Draw(t, "to")
		check(t, o, table, model, from, to)
		check(t, base, table, before, from, to)
		base.Flush(o.Writes())
		check(t, base, table, model, from, to)
	})
}

func check(t *rapid.T, r consensus.Reader, table consensus.Table, model map[string]string, from, to string) {
	t.Helper()
	var want, got, back []string
	for _, k := range slices.Sorted(maps.Keys(model)) {
		if string(r.Get(table, []byte(k))) != model[k] {
			t.Fatalf("Get(%q) = %q, want %q", k, r.Get(table, []byte(k)), model[k])
		}
		if k >= from && k < to {
			want = append(want, k+"="+model[k])
		}
	}
	for k, v := range r.Scan(table, []byte(from), []byte(to)) {
		got = append(got, string(k)+"="+string(v))
	}
	for k, v := range r.ScanReverse(table, []byte(from), []byte(to)) {
		back = append(back, string(k)+"="+string(v))
	}
	slices.Reverse(back)
	if !slices.Equal(got, want) || !slices.Equal(back, want) {
		t.Fatalf("scan [%q,%q) = %v, reverse %v, want %v", from, to, got, back, want)
	}
}
