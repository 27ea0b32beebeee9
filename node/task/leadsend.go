package task

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"golang.org/x/sync/errgroup"
)

// sending is a row of the outbox with its number.
type sending struct {
	outRow
	n    uint64
	task Task
}

// send sends what the outbox holds: letters of one task in order, of several at
// once, but what is more urgent first: an agent that is idle takes what comes first.
func (l *leader) send(ctx context.Context) error {
	var rows []sending
	now := l.Now()
	if err := l.view(ctx, func(r consensus.Reader) error {
		rows = nil
		for k, v := range r.Scan(tableOut, nil, nil) {
			row := sending{n: binary.BigEndian.Uint64(k)}
			if err := consensus.Decode(v, &row.outRow); err != nil {
				return err
			}
			if l.shut(row.To, now) {
				continue
			}
			if len(rows) == rowsRead {
				break
			}
			t, err := view(r, row.Task)
			if err != nil && !isRefusal(err, CodeUnknown) {
				return err
			}
			row.task = t
			rows = append(rows, row)
		}
		return nil
	}); err != nil || len(rows) == 0 {
		return err
	}
	rank := func(s sending) uint8 { return s.task.Priority.Rank() }
	slices.SortStableFunc(rows, func(a, b sending) int {
		return cmp.Or(cmp.Compare(rank(b), rank(a)), cmp.Compare(a.Task, b.Task))
	})
	var (
		group errgroup.Group
		mu    sync.Mutex
		done  told
		gone  lostList
	)
	group.SetLimit(sendAtOnce)
	for begin := 0; begin < len(rows); {
		end := begin + 1
		for end < len(rows) && rows[end].Task == rows[begin].Task {
			end++
		}
		mine := rows[begin:end]
		if begin > 0 && rank(rows[begin]) != rank(rows[begin-1]) {
			_ = group.Wait()
		}
		begin = end
		group.Go(func() error {
			for i := range mine {
				sent, undeliverable := l.sendOne(ctx, &mine[i], now)
				mu.Lock()
				if sent {
					done.Rows = append(done.Rows, mine[i].n)
				}
				if undeliverable != "" && mine[i].Kind == outDelegate {
					gone.List = append(gone.List, lost{mine[i].Task, mine[i].Attempt, undeliverable})
				}
				mu.Unlock()
				if !sent {
					return nil // what follows must not overtake it
				}
			}
			return nil
		})
	}
	_ = group.Wait()
	slices.Sort(done.Rows)
	if len(gone.List) > 0 {
		if err := l.propose(ctx, kindLost, gone); err != nil {
			return err
		}
	}
	if len(done.Rows) == 0 {
		return nil
	}
	return l.propose(ctx, kindTold, done)
}

// shut says that an inbox took nothing a moment ago.
func (l *leader) shut(to string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, ok := l.closed[to]
	if ok && !now.Before(until) {
		delete(l.closed, to)
		return false
	}
	return ok
}

// sendOne sends a row, or finds that there is nothing to send; it says why
// where it never can be.
func (l *leader) sendOne(ctx context.Context, row *sending, now time.Time) (sent bool, undeliverable string) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	var err error
	if row.Kind == outWithdraw {
		err = l.Post.Withdraw(ctx, row.To, []string{row.message()})
	} else if letter, ok := row.letter(row.task, now); ok {
		err = l.Post.Send(ctx, letter)
	}
	switch {
	case err == nil:
		return true, ""
	case errors.Is(err, ErrUndeliverable):
		l.s.log.Warn("a message about a task can never be delivered", "task", row.Task, "to", row.To, "error", err)
		return true, err.Error()
	}
	if ctx.Err() == nil {
		l.s.log.Info("a message about a task was not taken; it is sent again", "task", row.Task, "to", row.To, "error", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed[row.To] = now.Add(sendPause)
	return false, ""
}
