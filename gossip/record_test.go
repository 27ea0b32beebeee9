package gossip

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func agents(n, size int) []Agent {
	out := make([]Agent, n)
	for i := range out {
		out[i] = Agent{Name: fmt.Sprintf("agent-%d", i), Description: strings.Repeat("x", size)}
	}
	return out
}

func (f *fabric) agentsAt(viewer, id string) int { return len(f.member(viewer, id).Record.Agents) }

func TestRecordsConverge(t *testing.T) {
	for name, size := range map[string]int{"in a packet": 20, "larger than a packet": 1000} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T) {
				f := three(t)
				defer f.stopAll()
				for n := 100; n < 400; n += 100 {
					if err := f.nodes["a"].Update(func(r *Record) { r.Agents = agents(n, size) }); err != nil {
						t.Fatal(err)
					}
					f.within(2*time.Second, "spreading", func() bool {
						return f.agentsAt("b", "a") == n && f.agentsAt("c", "a") == n
					})
				}
				// A latecomer gets everything by push/pull, as digests when large.
				f.kill("c")
				f.start("c")
				f.within(5*time.Second, "catching up", func() bool { return f.agentsAt("c", "a") == 300 })
			})
		})
	}
}

func TestUpdateRefusesWhatCannotBeSent(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a")
		defer f.stopAll()
		a := f.start("a")
		if err := a.Update(func(r *Record) { r.Agents = agents(1100, 1000) }); !errors.Is(err, ErrRecordTooLarge) {
			t.Errorf("got %v", err)
		}
		if err := a.Update(func(r *Record) { r.Load = math.NaN() }); err == nil {
			t.Error("a load that is no number was taken")
		}
		was := f.member("a", "a").Record
		if err := a.Update(func(r *Record) { r.NodeID, r.Counter, r.Incarnation = "b", 99, 99 }); err != nil {
			t.Error(err)
		}
		if is := f.member("a", "a").Record; is.NodeID != "a" || is.Counter != was.Counter || is.Incarnation != was.Incarnation || len(is.Agents) != 0 {
			t.Errorf("the record became %+v", is)
		}
	})
}

// An earlier run's record, from a clock that was ahead, must not outlive us.
func TestRecordOutbidsAnEarlierRun(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		old := Record{NodeID: "c", Name: "old", Incarnation: uint64(time.Now().Add(time.Hour).UnixNano()), Counter: 7}
		raw, err := encodeRecord(&wireRecord{Record: old})
		if err != nil {
			t.Fatal(err)
		}
		f.nodes["a"].receive(raw)
		f.within(5*time.Second, "outbidding", func() bool {
			for _, v := range f.ids() {
				r := f.member(v, "c").Record
				if r.Name != "name-c" || r.Incarnation <= old.Incarnation {
					return false
				}
			}
			return true
		})
	})
}

func TestOnChangeIsCalledAndCoalesced(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		calls := make(chan struct{})
		cfg := f.config("a")
		done := make(chan struct{})
		defer close(done)
		cfg.OnChange = func() {
			select {
			case calls <- struct{}{}:
			case <-done:
			}
		}
		a := f.startWith(cfg)
		<-calls
		for i := range 100 {
			if err := a.Update(func(r *Record) { r.Load = float64(i + 1) }); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for {
			select {
			case <-calls:
				n++
				continue
			case <-time.After(time.Second):
			}
			break
		}
		if n < 1 || n > 3 {
			t.Errorf("%d calls for a hundred changes", n)
		}
		f.start("b")
		<-calls
	})
}

// Whatever the order in which versions arrive, tables that exchange digests
// until nothing is news are equal and hold the newest of each owner.
func TestTablesConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tables := []*table{newTable(), newTable(), newTable()}
		newest := make(map[string]version)
		offer := func(to *table, raw []byte) {
			w, err := decodeRecord(raw)
			if err != nil {
				t.Fatal(err)
			}
			if to.stale(w.Record.NodeID, w.Record.version()) {
				to.put(&entry{wire: w, raw: raw})
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "versions") {
			r := Record{
				NodeID:      rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "owner"),
				Incarnation: rapid.Uint64Range(1, 3).Draw(t, "incarnation"),
				Counter:     rapid.Uint64Range(0, 9).Draw(t, "counter"),
			}
			raw, err := encodeRecord(&wireRecord{Record: r})
			if err != nil {
				t.Fatal(err)
			}
			if newest[r.NodeID].less(r.version()) {
				newest[r.NodeID] = r.version()
			}
			offer(rapid.SampledFrom(tables).Draw(t, "at"), raw)
		}
		for range len(tables) {
			for i, from := range tables {
				to := tables[(i+1)%len(tables)]
				for _, raw := range from.newerThan(to.digests(), maxPullBytes) {
					offer(to, raw)
				}
			}
		}
		for _, table := range tables {
			if len(table.entries) != len(newest) {
				t.Fatalf("%d records, want %d", len(table.entries), len(newest))
			}
			size := 0
			for id, e := range table.entries {
				size += len(e.raw)
				if e.wire.Record.version() != newest[id] {
					t.Fatalf("%s is at %v, want %v", id, e.wire.Record.version(), newest[id])
				}
			}
			if size != table.size {
				t.Fatalf("size %d, want %d", table.size, size)
			}
		}
	})
}

func TestNewerThanRespectsTheLimit(t *testing.T) {
	tb := newTable()
	for i, size := range []int{5000, 10, 3000, 20} {
		w := &wireRecord{Record: Record{NodeID: fmt.Sprint(i), Name: strings.Repeat("n", size), Incarnation: 1}}
		raw, err := encodeRecord(w)
		if err != nil {
			t.Fatal(err)
		}
		tb.put(&entry{wire: w, raw: raw})
	}
	got := tb.newerThan(nil, 4000)
	if len(got) != 3 || !slices.IsSortedFunc(got, func(a, b []byte) int { return len(a) - len(b) }) {
		t.Errorf("%d records", len(got))
	}
}
