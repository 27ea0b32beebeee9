package httpapi

import (
	"time"

	"github.com/meshd/meshd/node/inbox"
)

// doubtPause is how long a stream whose client shows no sign of life leaves to
// others what is due.
const doubtPause = 2 * time.Second

// doubt is what a stream knows of whether its client deals with what it is told.
// Connections take a few MiB that nobody reads, so that only acknowledgements
// and returns are signs of it. Without doubt, streams that nobody reads would
// lease all of an inbox again and again, and who does read would get nothing.
type doubt struct {
	check time.Time // when there has to have been a sign; zero: nothing was told
	lives bool      // there was one, and none was missed since
	idle  bool      // one was missed: it has one message at a time
	after time.Time // when it takes what it has left to others; zero: nothing
}

// patience is how long a client with messages may give no sign: a little less
// than a lease, since behind its end others may have acknowledged them.
func (f *inboxFeed) patience() time.Duration { return f.q.lease - f.q.lease/8 }

// take leases as many messages as the client may have.
func (f *inboxFeed) take() (list []inbox.Stored, next time.Time, err error) {
	if len(f.shown) >= f.most() || f.late() {
		if err := f.prune(); err != nil {
			return nil, time.Time{}, err
		}
	}
	room := f.most() - len(f.shown)
	if room <= 0 {
		return nil, f.ends(), nil // an acknowledgement wakes it, or the end of a lease
	}
	if !f.doubt.lives {
		leaves, next, err := f.leaves()
		if leaves || err != nil {
			return nil, next, err
		}
		if !f.doubt.after.IsZero() {
			f.doubt.after, room = time.Time{}, 1
		}
	}
	list, next, err = f.api.takeDue(f.s.ctx, f.caller, f.q.agent, room, f.q.lease)
	if len(list) > 0 && len(f.shown) == 0 {
		f.doubt.check = f.api.cfg.Now().Add(f.patience())
	}
	return list, next, err
}

// most is how many messages the client may have.
func (f *inboxFeed) most() int {
	if f.doubt.idle {
		return 1
	}
	return f.q.unacked
}

// late says whether there has to have been a sign of life by now.
func (f *inboxFeed) late() bool {
	return !f.doubt.check.IsZero() && !f.api.cfg.Now().Before(f.doubt.check)
}

// ends is when the first lease of what was told does.
func (f *inboxFeed) ends() (first time.Time) {
	for _, until := range f.shown {
		if first.IsZero() || until.Before(first) {
			first = until
		}
	}
	return first
}

// leaves says whether a stream whose client has shown no sign of life leaves what
// is due to others, and when to look again then: an idle one does for a while, and
// so does a new one with what somebody had in vain.
func (f *inboxFeed) leaves() (leaves bool, next time.Time, err error) {
	due, err := f.api.cfg.Inboxes.Pending(f.s.ctx, f.q.agent, inbox.PendingOptions{Max: 1, MaxBytes: 1})
	switch {
	case err != nil:
		return false, time.Time{}, err
	case len(due.Messages) == 0:
		f.doubt.after = time.Time{}
		return true, due.Next, nil
	case !f.doubt.idle && due.Messages[0].Attempts == 0:
		f.doubt.after = time.Time{}
		return false, time.Time{}, nil
	}
	if err := f.prune(); f.doubt.lives || err != nil {
		f.doubt.after = time.Time{}
		return false, time.Time{}, err
	}
	if f.doubt.after.IsZero() {
		f.doubt.after = f.api.cfg.Now().Add(doubtPause)
	}
	return f.doubt.after.After(f.api.cfg.Now()), f.doubt.after, nil
}

// peek reads what is due and was not told yet. What became due again is told
// again.
func (f *inboxFeed) peek() (list []inbox.Stored, next time.Time, err error) {
	due := make(map[uint64]time.Time, len(f.shown))
	batch, err := f.api.cfg.Inboxes.Pending(f.s.ctx, f.q.agent, inbox.PendingOptions{Max: inbox.MaxLeased, MaxBytes: streamPeek, Skip: func(d inbox.Due) bool {
		_, told := f.shown[d.Seq]
		if told {
			due[d.Seq] = time.Time{}
		}
		return told
	}})
	if err != nil {
		return nil, time.Time{}, err
	}
	if !batch.More { // all of the inbox was passed: the rest is gone
		f.shown = due
	}
	return batch.Messages, batch.Next, nil
}

// prune forgets what is no longer the client's: acknowledged, returned, or
// leased for too long. The first two show that the client lives.
func (f *inboxFeed) prune() error {
	now := f.api.cfg.Now()
	seqs := make([]uint64, 0, len(f.shown))
	for seq, until := range f.shown {
		if !now.Before(until) {
			delete(f.shown, seq)
		} else {
			seqs = append(seqs, seq)
		}
	}
	list, err := f.api.cfg.Inboxes.Get(f.s.ctx, f.q.agent, seqs, false)
	if err != nil {
		return err
	}
	there := make(map[uint64]bool, len(list))
	for i := range list {
		there[list[i].Seq] = !list[i].LeaseUntil.IsZero()
	}
	lives := false
	for seq := range f.shown {
		if !there[seq] {
			delete(f.shown, seq)
			lives = true
		}
	}
	switch {
	case lives:
		f.doubt.lives, f.doubt.idle = true, false
	case f.late():
		f.doubt.lives, f.doubt.idle = false, true
	default:
		return nil
	}
	if f.doubt.check = now.Add(f.patience()); len(f.shown) == 0 {
		f.doubt.check = time.Time{}
	}
	return nil
}
