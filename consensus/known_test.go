package consensus

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
	"pgregory.net/rapid"
)

// What a write transaction remembers is what the table has, whatever was put,
// removed and looked up before, and the content's sum is kept up with it.
func TestKnownPairsAreThoseOfTheTable(t *testing.T) {
	const name = Table("kv/known")
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		f, err := openStateFile(filepath.Join(dir, stateName(uint64(files))), []Table{name})
		if err != nil {
			t.Fatal(err)
		}
		defer f.db.Close()
		// Few enough to meet again, and enough for several pages.
		key := rapid.StringMatching(`[a-c]{1,4}`)
		model := map[string]string{}
		var sum content
		mem := make(memory)
		for range rapid.IntRange(1, 4).Draw(t, "transactions") {
			err := f.db.Update(func(tx *bbolt.Tx) error {
				ts := tablesOf(tx, &sum)
				ts.memory = mem
				tab := ts.table(name)
				for i := range rapid.IntRange(0, 60).Draw(t, "steps") {
					k := key.Draw(t, "key")
					switch rapid.IntRange(0, 6).Draw(t, "step") {
					case 0, 1, 2:
						v := k + string(rune('0'+i%10)) + string(make([]byte, rapid.IntRange(0, 300).Draw(t, "size")))
						if err := tab.put([]byte(k), []byte(v)); err != nil {
							return err
						}
						model[k] = v
					case 3:
						if err := tab.delete([]byte(k)); err != nil {
							return err
						}
						delete(model, k)
					case 4:
						got := tab.get([]byte(k))
						if want, ok := model[k]; ok != (got != nil) || string(got) != want {
							t.Fatalf("get(%q) = %q, want %q", k, got, want)
						}
					case 5:
						keys := slices.Sorted(maps.Keys(model))
						first, _ := tab.first(nil)
						last, v := tab.last()
						if len(keys) == 0 {
							if first != nil || last != nil {
								t.Fatalf("an empty table has the first key %q and the last %q", first, last)
							}
							continue
						}
						if end := keys[len(keys)-1]; string(first) != keys[0] || string(last) != end || string(v) != model[end] {
							t.Fatalf("first %q, last %q: %q, want %q and %q", first, last, v, keys[0], end)
						}
					case 6: // a key above all
						k = "d" + k
						if err := tab.put([]byte(k), []byte(k)); err != nil {
							return err
						}
						model[k] = k
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var have content
			got := map[string]string{}
			err = f.db.View(func(tx *bbolt.Tx) error {
				return tablesOf(tx, nil).table(name).all(func(k, v []byte, s uint32) error {
					have.add(s)
					got[string(k)] = string(v)
					return nil
				})
			})
			if err != nil || !maps.Equal(got, model) || have != sum {
				t.Fatalf("%v; the table has %d pairs with %v, want %d with %v", err, len(got), have, len(model), sum)
			}
		}
	})
}
