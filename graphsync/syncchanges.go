package graphsync

import (
	"context"
	"errors"
	"strconv"

	"github.com/meshd/meshd/consensus"
)

// maxSyncLooks is how often one page of changes looks at the log for want of
// events that pass the filter, each time in a view of its own.
const maxSyncLooks = 8

// SinceNow in place of a token is the present.
const SinceNow = "now"

// ChangesQuery asks for a page of changes.
type ChangesQuery struct {
	WatchFilter
	// Since is the token to go on from; empty: before everything.
	Since  string
	Detail Detail
	// Limit is after how many events the page ends, with the revision it is in;
	// 0: DefaultChanges.
	Limit int
}

// ChangesPage is a page of changes in their order, whole revisions.
type ChangesPage struct {
	Events []*Event
	// Token is where to go on. It moves also where no event passed the filter.
	Token string
	// UpToDate says that there was nothing behind the token when the page was
	// read.
	UpToDate bool
	// Revision is the one up to which nothing is left out.
	Revision uint64
}

// Changes returns what changed after a token. What is no longer kept is
// refused as COMPACTED, with "resync" and the least token that would do.
func (y Sync) Changes(ctx context.Context, ro consensus.ReadOptions, q ChangesQuery) (ChangesPage, consensus.ReadInfo, error) {
	page := ChangesPage{Events: []*Event{}}
	var info consensus.ReadInfo
	switch {
	case q.Limit == 0:
		q.Limit = DefaultChanges
	case q.Limit < 0 || q.Limit > MaxChangesLimit:
		return page, info, invalid("limit", "must be 1 to %d", MaxChangesLimit)
	}
	at, r := y.start(&q)
	if r != nil {
		return page, info, r
	}
	if q.Since != SinceNow {
		ro.MinRevision = max(ro.MinRevision, at.Revision)
	}
	for range maxSyncLooks {
		var l look
		var err error
		info, err = y.s.read(ctx, ro, func(v *view) (err error) {
			if q.Since == SinceNow {
				at = Position{Revision: v.r.Revision()}
			}
			if l, err = v.readSync(at, &q.WatchFilter, q.Detail, q.Limit-len(page.Events)); err == nil {
				page.UpToDate = !l.more && l.upTo >= v.r.Revision()
			}
			return err
		})
		if err != nil {
			return page, info, y.compacted(&q.WatchFilter, err)
		}
		page.Events = append(page.Events, l.events...)
		at = Position{Revision: max(l.upTo, at.Revision), Inside: at.Inside && l.upTo < at.Revision, Order: at.Order}
		if !at.Inside {
			at.Order = 0
		}
		q.Since = ""
		if page.UpToDate || len(page.Events) >= q.Limit || ctx.Err() != nil {
			break
		}
		ro = consensus.ReadOptions{MinRevision: info.Revision}
	}
	page.Token, page.Revision = y.token(&q.WatchFilter, at), at.whole()
	return page, info, nil
}

// start checks a query and reads its token.
func (y Sync) start(q *ChangesQuery) (Position, *consensus.Refusal) {
	if r := q.check(); r != nil {
		return Position{}, r
	}
	if q.Since == "" || q.Since == SinceNow {
		return Position{}, nil
	}
	return y.position(&q.WatchFilter, q.Since)
}

// readSync is readLog for a client: it goes on from a token, and what does not
// pass the filter is left out.
func (v *view) readSync(at Position, f *WatchFilter, detail Detail, limit int) (look, error) {
	if err := v.goesOn(at); err != nil {
		return look{}, err
	}
	l, err := v.readLog(at, detail, limit, f.passes)
	if err != nil {
		return l, err
	}
	wanted := l.events[:0]
	for _, e := range l.events {
		if f.passes(e) {
			wanted = append(wanted, e)
		}
	}
	if l.events = wanted; len(f.keys) > 0 {
		l.events = f.byKeys(v, wanted)
	}
	return l, nil
}

// goesOn refuses a place from which the log does not lead on: one whose next
// changes are forgotten, and one that a recovered mesh never reached. Recovery
// adds 2^32 to the revision; what was given out as a revision after the last
// change that was saved, and before that leap, may have been lost.
func (v *view) goesOn(at Position) error {
	if err := v.keptFrom(at, true); err != nil {
		return err
	}
	last, next := uint64(0), v.r.Revision()
	for k := range v.r.ScanReverse(tLog, nil, appendLogKey(nil, at.Revision+1, 0)) {
		last = readLogRev(k)
		break
	}
	m, err := v.counters()
	if err != nil {
		return err
	}
	if last == 0 && m.LogFrom > 0 {
		last = m.LogFrom - 1
	}
	if at.Revision <= last || at.Revision-last >= recoveryLeap || next < last || next-last < recoveryLeap {
		return nil
	}
	if rev, _, ok := v.firstFrom(at.Revision + 1); ok {
		next = rev
	}
	if next-last < recoveryLeap {
		return nil
	}
	r := refuse(CodeCompacted, "since", "the mesh was recovered from a node that had not seen revision %s", at)
	r.Details["oldest"] = itoa(v.r.Revision())
	return r
}

// recoveryLeap is what consensus adds to the revision of a recovered mesh.
const recoveryLeap = 1 << 32

func readLogRev(k []byte) uint64 {
	if len(k) != logKeySize {
		return 0
	}
	return readRev(k[:8])
}

// compacted adds to a COMPACTED what a client needs: that it takes a snapshot,
// and the least token that would have done.
func (y Sync) compacted(f *WatchFilter, err error) error {
	var no *consensus.Refusal
	if !errors.As(err, &no) || no.Code != CodeCompacted {
		return err
	}
	no = resync(no)
	if rev, err := strconv.ParseUint(no.Details["oldest"], 10, 64); err == nil {
		no.Details["min_token"] = y.token(f, Position{Revision: rev})
	}
	return no
}

// Watch follows the changes from a token, as Service.Watch does. The token of a
// step is that of its At, that of an event in it of the event's After.
func (y Sync) Watch(ctx context.Context, q ChangesQuery, permit func() error) (*Watcher, error) {
	at, r := y.start(&q)
	if r != nil {
		return nil, r
	}
	w := WatchQuery{WatchFilter: q.WatchFilter, Detail: q.Detail, Permit: permit}
	if q.Since != SinceNow {
		w.After = &at
		if _, err := y.s.read(ctx, consensus.ReadOptions{MinRevision: at.Revision}, func(v *view) error { return v.goesOn(at) }); err != nil {
			return nil, y.compacted(&q.WatchFilter, err)
		}
	}
	out, err := y.s.Watch(ctx, w)
	if err != nil {
		return nil, y.compacted(&q.WatchFilter, err)
	}
	return out, nil
}
