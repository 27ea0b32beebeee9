package task

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// held is a task that an agent has.
type held struct {
	id      ID
	attempt int
	// chosen says that the requester named nobody, begun that the agent has said
	// that it works on it, and word when it last said anything.
	chosen, begun bool
	word          time.Time
}

func (h *held) letter() string {
	o := outRow{Kind: outDelegate, Task: h.id, Attempt: h.attempt}
	return o.message()
}

// check looks after tasks that are with an agent: whose delegation died, or
// whose agent has gone.
func (l *leader) check(ctx context.Context) error {
	now := l.Now()
	if now.Sub(l.looked) < lookEvery {
		return nil
	}
	l.looked = now
	var byAgent map[string][]held
	if err := l.view(ctx, func(r consensus.Reader) (err error) {
		byAgent, now = map[string][]held{}, l.now(r)
		for _, state := range []State{Submitted, Working} {
			if l.look[state], err = lookAt(r, state, l.look[state], byAgent); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	l.sight(byAgent, now)
	var (
		gone lostList
		left []report
	)
	for agent, tasks := range byAgent {
		dead, err := l.Post.Dead(ctx, agent)
		if err != nil {
			return err
		}
		unread, err := l.unread(ctx, agent, tasks, now)
		if err != nil {
			return err
		}
		for _, h := range tasks {
			reason, died := dead[h.letter()]
			if !died && (h.chosen && !h.begun && l.absent(agent, now) >= absence || unread[h.letter()]) {
				reason, died = "no instance of the agent can be reached", true
			}
			switch {
			case !died:
			case !h.begun:
				gone.List = append(gone.List, lost{h.id, h.attempt, reason})
			case now.Sub(h.word) >= grace && reason != DiedLate:
				left = append(left, h.abandoned(agent, reason))
			}
		}
	}
	slices.SortFunc(gone.List, func(a, b lost) int { return cmp.Compare(a.Task, b.Task) })
	for list := range slices.Chunk(gone.List, tickWork) {
		if err := l.propose(ctx, kindLost, lostList{list}); err != nil {
			return err
		}
	}
	slices.SortFunc(left, func(a, b report) int { return cmp.Compare(a.Task, b.Task) })
	for _, r := range left[:min(len(left), tickWork)] {
		// What the agent said meanwhile has come first.
		if err := l.propose(ctx, kindReport, r); err != nil && !isRefusal(err, CodeEnded, CodeNotAssigned, CodeUnknown) {
			return err
		}
	}
	return nil
}

// lookAt adds the tasks of a state that an agent has, from one on, and returns
// where the next look begins.
func lookAt(r consensus.Reader, state State, from ID, byAgent map[string][]held) (next ID, err error) {
	n, read := stateNumber(state), 0
	for k := range r.Scan(tableStates, numbered.ByteKey(n, from), []byte{n + 1}) {
		id := numbered.IDOf(k)
		if read++; read > lookedAt {
			return id, nil
		}
		rec, err := load(r, id)
		if err != nil {
			return 0, err
		}
		if rec != nil && rec.Handed && rec.Agent != "" {
			byAgent[rec.Agent] = append(byAgent[rec.Agent], held{id, rec.Attempt, rec.Wanted == "", state == Working, time.UnixMilli(rec.Updated)})
		}
	}
	return 0, nil
}

// sight notes which of the agents that have tasks are away, and since when.
func (l *leader) sight(byAgent map[string][]held, now time.Time) {
	here, known := map[string]bool{}, map[string]bool{}
	for _, c := range l.Agents() {
		here[c.Agent], known[c.Agent] = c.Instances > 0, true
	}
	for agent := range l.away {
		if here[agent] || byAgent[agent] == nil {
			delete(l.away, agent)
		}
	}
	for agent := range l.seen {
		if byAgent[agent] == nil {
			delete(l.seen, agent)
		}
	}
	for agent := range byAgent {
		if known[agent] {
			l.seen[agent] = true
		}
		if _, away := l.away[agent]; !away && !here[agent] {
			l.away[agent] = now
		}
	}
}

// absent is for how long an agent has been away.
func (l *leader) absent(agent string, now time.Time) time.Duration {
	if since, away := l.away[agent]; away {
		return now.Sub(since)
	}
	return 0
}

// unread are the delegations of tasks at work that lie in the inbox of an agent
// that was attached and has gone with all its instances: whoever had them has
// them no more, and nobody else does. An agent that was never seen attached works
// by HTTP, from anywhere.
func (l *leader) unread(ctx context.Context, agent string, tasks []held, now time.Time) (map[string]bool, error) {
	if !l.seen[agent] || l.absent(agent, now) < grace {
		return nil, nil
	}
	var letters []string
	for _, h := range tasks {
		if h.begun && now.Sub(h.word) >= grace {
			letters = append(letters, h.letter())
		}
	}
	if len(letters) == 0 {
		return nil, nil
	}
	return l.Post.Waiting(ctx, agent, letters)
}

// abandoned ends an attempt whose worker has gone, as if that had said so itself.
func (h *held) abandoned(agent, reason string) report {
	return report{
		Task: h.id, Agent: agent, Attempt: h.attempt, State: stateNumber(Failed), Retryable: true,
		Error: &Failure{Code: FailedAttempts, Text: truncate("its worker is gone: "+reason, MaxText)},
	}
}
