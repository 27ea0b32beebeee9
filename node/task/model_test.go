package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/numbered"
	"pgregory.net/rapid"
)

// audit recomputes every index and count from the records and compares.
func audit(t interface {
	Helper()
	Errorf(string, ...any)
}, state consensus.State,
) {
	t.Helper()
	_, err := state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		m, err := loadMeta(r)
		if err != nil {
			return err
		}
		want := map[consensus.Table]map[string][]byte{}
		put := func(table consensus.Table, key, value []byte) {
			if want[table] == nil {
				want[table] = map[string][]byte{}
			}
			want[table][string(key)] = value
		}
		var live, finished int
		var size int64
		loads, shares := map[string]int{}, map[string]share{}
		for k, v := range r.Scan(tableTasks, nil, nil) {
			id, rec := numbered.IDOf(k), &record{}
			if err := consensus.Decode(v, rec); err != nil {
				return err
			}
			put(tableStates, numbered.ByteKey(rec.State, id), nil)
			if rec.Agent != "" {
				put(tableAgents, numbered.WordKey(rec.Agent, id), nil)
			}
			for _, word := range rec.askers() {
				put(tableAskers, numbered.WordKey(word, id), nil)
			}
			if rec.Parent != 0 {
				put(tableParents, numbered.TimeKey(int64(rec.Parent), id), nil)
			}
			if rec.waits() {
				put(tableQueue, queueKey(rec, id), numbered.Key(uint64(rec.NotBefore)))
			}
			if rec.state().Final() {
				finished++
				put(tableDone, numbered.TimeKey(rec.Finished, id), nil)
			} else {
				live++
				put(tableDue, numbered.TimeKey(rec.due(), id), nil)
			}
			if rec.with() {
				loads[rec.Agent]++
			}
			if rec.Counted && !rec.state().Final() {
				h := shares[rec.Requester.Principal]
				shares[rec.Requester.Principal] = share{h.Live + 1, h.Bytes + rec.Bytes}
			}
			var bodies int64
			for which := byte(bodyTask); which <= bodyAnswer; which++ {
				bodies += int64(len(r.Get(tableBodies, bodyKey(id, which))))
			}
			if bodies != rec.Bytes {
				t.Errorf("task %s counts %d bytes and has %d", id, rec.Bytes, bodies)
			}
			size += bodies
			events := 0
			for range r.Scan(tableEvents, eventKey(id, 0), append(id.Key(), 0xff, 0xff, 0xff, 0xff, 0xff)) {
				events++
			}
			if events != min(int(rec.Events), MaxEvents) {
				t.Errorf("task %s has %d events of %d", id, events, rec.Events)
			}
		}
		for principal, h := range shares {
			put(tableShares, []byte(principal), consensus.Encode(h))
		}
		for agent, n := range loads {
			put(tableLoads, []byte(agent), numbered.Key(uint64(n)))
		}
		for _, table := range []consensus.Table{tableStates, tableAgents, tableAskers, tableParents, tableQueue, tableDone, tableDue, tableLoads, tableShares} {
			got := map[string][]byte{}
			for k, v := range r.Scan(table, nil, nil) {
				got[string(k)] = v
				if w, ok := want[table][string(k)]; !ok || !bytes.Equal(v, w) {
					t.Errorf("%s has %x → %x, which no task says", table, k, v)
				}
			}
			for k := range want[table] {
				if _, ok := got[k]; !ok {
					t.Errorf("%s lacks %x", table, k)
				}
			}
		}
		scores := 0
		for k, v := range r.Scan(tableScores, nil, nil) {
			var c Score
			if err := consensus.Decode(v, &c); err != nil {
				return err
			}
			if r.Get(tableScoreAt, append(numbered.Key(uint64(c.At)), k...)) == nil {
				t.Errorf("the score %q is not found by its age", k)
			}
			scores++
		}
		if m.Live != live || m.Finished != finished || m.Bytes != size || m.Scores != scores {
			t.Errorf("counted %+v, there are %d live, %d finished, %d bytes, %d scores", m, live, finished, size, scores)
		}
		return nil
	})
	if err != nil {
		t.Errorf("the state cannot be read: %v", err)
	}
}

// draw makes a command, mostly one that can go well.
func draw(t *rapid.T, last int) []byte {
	agents := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	id := ID(rapid.IntRange(1, max(last, 1)+1).Draw(t, "task"))
	switch rapid.SampledFrom([]numbered.Kind{kindSubmit, kindSubmit, kindAssign, kindAssign, kindTold, kindReport, kindReport, kindReport, kindCancel, kindAnswer, kindLost, kindTick}).Draw(t, "kind") {
	case kindSubmit:
		b := submit{Requester: Party{Principal: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "principal")}, Counted: rapid.IntRange(0, 3).Draw(t, "counted") > 0, Body: []byte(`{"n":1}`), MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts"),
			Priority: uint8(rapid.IntRange(0, 3).Draw(t, "priority")), TimeoutMs: int64(rapid.IntRange(1, 100_000).Draw(t, "timeout")), Type: "t"}
		if rapid.Bool().Draw(t, "asked by an agent") {
			b.Requester.Agent = agents.Draw(t, "asker")
		}
		if b.Agent = agents.Draw(t, "agent"); rapid.Bool().Draw(t, "by needs") {
			b.Agent, b.Needs = "", []string{"x"}
		}
		if rapid.Bool().Draw(t, "child") {
			b.Parent = id
		}
		return numbered.Command(kindSubmit, b)
	case kindAssign:
		return numbered.Command(kindAssign, assign{[]assignment{
			{Task: id, Attempt: rapid.IntRange(1, 3).Draw(t, "attempt"), Agent: agents.Draw(t, "agent")},
			{Task: id + 1, Attempt: 1, Note: "nobody"},
		}})
	case kindTold:
		return numbered.Command(kindTold, told{[]uint64{uint64(rapid.IntRange(1, 4*last+1).Draw(t, "row"))}})
	case kindReport:
		return numbered.Command(kindReport, report{Task: id, Agent: agents.Draw(t, "agent"), State: uint8(rapid.IntRange(0, 7).Draw(t, "state")),
			Result: []byte(`[2]`), Question: []byte(`"?"`), Retryable: rapid.Bool().Draw(t, "retryable")})
	case kindCancel:
		return numbered.Command(kindCancel, cancel{Task: id, By: "p"})
	case kindAnswer:
		return numbered.Command(kindAnswer, answer{Task: id, Body: []byte(`3`)})
	case kindLost:
		return numbered.Command(kindLost, lostList{[]lost{{Task: id, Attempt: rapid.IntRange(1, 3).Draw(t, "attempt"), Reason: "lost"}}})
	}
	return numbered.Command(kindTick, tick{})
}

// Whatever commands come in whatever order: the indexes agree with the records,
// what has ended stays as it ended, an attempt is never above its bound, nobody
// is given a task that waits for it, and two states that take the same commands
// are the same.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		parts := [2]*Part{NewPart(), NewPart()}
		var both [2]*consensustest.Local
		var told []Event
		for i := range both {
			both[i] = consensustest.New(parts[i])
			both[i].Now = clock
		}
		parts[0].Watch(func(events []Event) { told = append(told, events...) })
		ended := map[ID]string{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			last := 0
			_, _ = both[0].View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
				m, err := loadMeta(r)
				last = int(m.Last)
				return err
			})
			now = now.Add(time.Duration(rapid.IntRange(0, 40_000).Draw(t, "pass")) * time.Millisecond)
			body := draw(t, last)
			var results [2]string
			for i, s := range both {
				out, err := s.Propose(ctx(), consensus.Proposal{Part: PartName, Body: body})
				results[i] = fmt.Sprintf("%x %d %v", out.Result, out.Revision, err)
				if err != nil && strings.Contains(code(err), " ") {
					t.Fatalf("no refusal: %v", err)
				}
			}
			if results[0] != results[1] {
				t.Fatalf("one says %s, the other %s", results[0], results[1])
			}
			audit(t, both[0])
			_, err := both[0].View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
				for k := range r.Scan(tableTasks, nil, nil) {
					id := numbered.IDOf(k)
					task, err := view(r, id)
					if err != nil {
						return err
					}
					if task.Attempt > task.MaxAttempts {
						t.Errorf("task %s is at attempt %d of %d", id, task.Attempt, task.MaxAttempts)
					}
					if slices.Contains(task.Chain, task.Agent) {
						t.Errorf("task %s is with %s, through %v", id, task.Agent, task.Chain)
					}
					if now := clock(); task.State.Final() {
						text, _ := json.Marshal(task)
						if was, ok := ended[id]; ok && was != string(text) {
							t.Errorf("task %s had ended as %s and is %s", id, was, text)
						}
						ended[id] = string(text)
					} else if _, was := ended[id]; was {
						t.Errorf("task %s lives again at %s", id, now)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range allTables {
			if a, b := dump(both[0], table), dump(both[1], table); a != b {
				t.Errorf("%s differs", table)
			}
		}
		revision := uint64(0)
		for _, e := range told {
			if e.Revision < revision {
				t.Errorf("told of revision %d after %d", e.Revision, revision)
			}
			revision = e.Revision
		}
	})
}

func dump(s consensus.State, table consensus.Table) string {
	var b strings.Builder
	_, _ = s.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		for k, v := range r.Scan(table, nil, nil) {
			fmt.Fprintf(&b, "%x=%x\n", k, v)
		}
		return nil
	})
	return b.String()
}

// Whatever bytes a command is, it is refused or done, and leaves a state that
// agrees with itself.
func FuzzApply(f *testing.F) {
	f.Add(numbered.Command(kindSubmit, submit{Agent: "a", Body: []byte("1"), MaxAttempts: 1}))
	f.Add(numbered.Command(kindReport, report{Task: 1, Agent: "a", State: 4, Result: []byte("1")}))
	f.Add(numbered.Command(kindAssign, assign{[]assignment{{Task: 2, Attempt: 1, Agent: "b"}}}))
	f.Add(numbered.Command(kindCancel, cancel{Task: 1}))
	f.Add(numbered.Command(kindLost, lostList{[]lost{{Task: 1, Attempt: 1}}}))
	f.Add(numbered.Command(kindTold, told{[]uint64{1, 2}}))
	f.Add(numbered.Command(kindTick, tick{}))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		w.submit(NewTask{Agent: "a"})
		w.submit(NewTask{Needs: []string{"x"}})
		_, err := w.state.Propose(ctx(), consensus.Proposal{Part: PartName, Body: body})
		if err != nil && strings.Contains(code(err), " ") {
			t.Errorf("no refusal: %v", err)
		}
		audit(t, w.state)
	})
}
