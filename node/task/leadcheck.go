package task

import (
	"cmp"
	"context"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// check looks after tasks that were handed over and have not begun: whose
// delegation died, or whose agent has gone.
func (l *leader) check(ctx context.Context) error {
	now := l.Now()
	if now.Sub(l.looked) < lookEvery {
		return nil
	}
	l.looked = now
	type waiting struct {
		attempt int
		chosen  bool
	}
	byAgent := map[string]map[ID]waiting{}
	if err := l.view(ctx, func(r consensus.Reader) error {
		clear(byAgent)
		state, read := stateNumber(Submitted), 0
		for k := range r.Scan(tableStates, numberKey(state, l.look), []byte{state + 1}) {
			id := idOf(k)
			if read++; read > lookedAt {
				l.look = id
				return nil
			}
			rec, err := load(r, id)
			if err != nil {
				return err
			}
			if rec == nil || !rec.Handed || rec.Agent == "" {
				continue
			}
			if byAgent[rec.Agent] == nil {
				byAgent[rec.Agent] = map[ID]waiting{}
			}
			byAgent[rec.Agent][id] = waiting{rec.Attempt, rec.Wanted == ""}
		}
		l.look = 0
		return nil
	}); err != nil {
		return err
	}
	here := map[string]bool{}
	for _, c := range l.Agents() {
		here[c.Agent] = c.Instances > 0
	}
	for agent := range l.away {
		if here[agent] {
			delete(l.away, agent)
		}
	}
	var gone lostList
	for agent, tasks := range byAgent {
		dead, err := l.Post.Dead(ctx, agent)
		if err != nil {
			return err
		}
		left := false
		if !here[agent] {
			since, known := l.away[agent]
			if !known {
				l.away[agent] = now
			}
			left = known && now.Sub(since) >= absence
		}
		for id, w := range tasks {
			o := outRow{Kind: outDelegate, Task: id, Attempt: w.attempt}
			if reason, ok := dead[o.message()]; ok {
				gone.List = append(gone.List, lost{id, w.attempt, reason})
			} else if left && w.chosen {
				gone.List = append(gone.List, lost{id, w.attempt, "no instance of the agent can be reached"})
			}
		}
	}
	for agent := range l.away {
		if byAgent[agent] == nil {
			delete(l.away, agent)
		}
	}
	if len(gone.List) == 0 {
		return nil
	}
	slices.SortFunc(gone.List, func(a, b lost) int { return cmp.Compare(a.Task, b.Task) })
	for list := range slices.Chunk(gone.List, tickWork) {
		if err := l.propose(ctx, kindLost, lostList{list}); err != nil {
			return err
		}
	}
	return nil
}
