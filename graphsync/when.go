package graphsync

import (
	"encoding/binary"
	"time"

	"github.com/meshd/meshd/consensus"
)

// When says which state of the graph a read shows, and of which time of the
// world. The zero value is now: what the graph holds, as far as it is true at
// present and has not expired.
//
// With Revision or Time the read shows the graph as it was then, which is exact
// as far as the log reaches back (COMPACTED below), and, unless ValidAt says
// otherwise, what was true then. The time of a revision is that of the last
// change of the graph in or before it.
type When struct {
	Revision uint64
	Time     time.Time
	ValidAt  time.Time
	// AnyValid shows facts of any time.
	AnyValid bool
}

// now says that no other state than the present is asked for.
func (w *When) now() bool { return w.Revision == 0 && w.Time.IsZero() }

// vantage is a When made out in a view. The zero value, which writes and
// exports use, shows all that is current.
type vantage struct {
	filters bool
	past    bool // as of rev; else current
	rev     uint64
	now     int64 // what expired by then is not shown
	valid   int64
	any     bool
	due     uint8 // whether anything has expired and is not ended yet: 0 is unknown
}

const (
	noneDue uint8 = 1 + iota
	someDue
)

// look sets what the view shows.
func (v *view) look(w When, wall time.Time) error {
	now := v.r.Time()
	if wall.After(now) { // nothing may have been written for long
		now = wall
	}
	v.at = vantage{filters: true, now: now.UnixMilli(), any: w.AnyValid}
	var err error
	switch {
	case w.Revision != 0 && !w.Time.IsZero():
		err = invalid("as_of", "must be a revision or a time, not both")
	case w.AnyValid && !w.ValidAt.IsZero():
		err = invalid("valid_at", "must be a time or any, not both")
	case w.Revision != 0:
		err = v.lookRevision(w.Revision)
	case !w.Time.IsZero():
		err = v.lookTime(w.Time.UnixMilli())
	}
	v.at.valid = v.at.now
	if !w.ValidAt.IsZero() {
		v.at.valid = w.ValidAt.UnixMilli()
	}
	return err
}

func (v *view) lookRevision(rev uint64) error {
	now := v.r.Revision()
	if rev > now {
		return invalid("as_of", "is revision %d, and the latest is %d", rev, now)
	}
	m, err := v.counters()
	if err != nil {
		return err
	}
	if oldest := m.oldest(now); rev < oldest {
		return compacted("as_of", rev, oldest)
	}
	v.at.past, v.at.rev = rev < now, rev
	v.at.now = m.LogSince
	before, at, ok, err := v.lastUpTo(m.LogFrom, rev)
	if err != nil || !ok {
		return err
	}
	v.at.now = at
	if r := v.abandoned("as_of", before, rev); r != nil {
		return r
	}
	return nil
}

// lastUpTo is the last revision with a change up to one, and its time.
func (v *view) lastUpTo(from, rev uint64) (at uint64, ms int64, ok bool, _ error) {
	for k, val := range v.r.ScanReverse(tLog, appendLogKey(nil, from, 0), appendLogKey(nil, rev+1, 0)) {
		c, ok := readChange(k, val)
		if !ok {
			return 0, 0, false, errRecord
		}
		return c.rev, c.at, true, nil
	}
	return 0, 0, false, nil
}

// A mesh that was restored or recovered goes on 2^32 revisions above the last
// that it has, since others may have been given out that are lost. What was as of
// such a revision nobody knows.
const revisionJump = 1 << 32

// abandoned refuses a revision that may be one of those: it lies less than a
// jump above the change before it, and the next one at least a jump. A revision
// of those that the mesh does have, but without a change of the graph, is refused
// with them if it is among the last before the jump.
func (v *view) abandoned(field string, before, rev uint64) *consensus.Refusal {
	next := v.r.Revision()
	if rev == before || rev-before >= revisionJump || next-before < revisionJump {
		return nil
	}
	for k := range v.r.Scan(tLog, appendLogKey(nil, rev+1, 0), nil) {
		next = binary.BigEndian.Uint64(k)
		break
	}
	if next-before < revisionJump {
		return nil
	}
	r := invalid(field, "is revision %d, which this mesh may have had and lost: it was restored or recovered since; the last change before is revision %d", rev, before)
	r.Details["before"] = itoa(before)
	return r
}

// lookAgain lets a later view show what another one did, whose vantage has its
// revision.
func (v *view) lookAgain(at vantage) error {
	now := v.r.Revision()
	m, err := v.counters()
	if err != nil {
		return err
	}
	if oldest := m.oldest(now); at.rev < now && at.rev < oldest {
		r := refuse(CodeCompacted, "", "revision %d was forgotten while it was being read: the oldest that is kept is %d", at.rev, oldest)
		r.Details = map[string]string{"oldest": itoa(oldest)}
		return r
	}
	v.at = at
	v.at.past, v.at.due = at.rev < now, 0
	return nil
}

// lookTime finds the last revision up to a time; the times of revisions rise.
func (v *view) lookTime(ms int64) error {
	now := v.r.Revision()
	v.at.now = ms
	if ms >= v.r.Time().UnixMilli() {
		return nil
	}
	m, err := v.counters()
	if err != nil || m.Format == 0 {
		return err
	}
	low, high := m.LogFrom, now+1
	if low == 0 {
		return compactedTime(now)
	}
	for low < high {
		middle := low + (high-low)/2
		if v.changedBy(middle, ms) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == m.LogFrom && ms < m.LogSince {
		return compactedTime(m.oldest(now))
	}
	if low <= now {
		v.at.past, v.at.rev = true, low-1
	}
	return nil
}

// changedBy says that the first change from a revision on was made by a time.
func (v *view) changedBy(rev uint64, ms int64) bool {
	for k, val := range v.r.Scan(tLog, appendLogKey(nil, rev, 0), nil) {
		c, ok := readChange(k, val)
		return ok && c.at <= ms
	}
	return false
}

func compactedTime(oldest uint64) *consensus.Refusal {
	r := refuse(CodeCompacted, "as_of", "the graph of that time is no longer kept: the oldest revision is %d", oldest)
	r.Details["oldest"] = itoa(oldest)
	return r
}

// expired says that a thing's time was up.
func (v *view) expired(expires int64) bool {
	return v.at.filters && expires != 0 && expires <= v.at.now
}

// shows says that a fact is shown.
func (v *view) shows(p *provenance) bool {
	if v.expired(p.Expires) {
		return false
	}
	if !v.at.filters || v.at.any {
		return true
	}
	return (p.ValidFrom == nil || *p.ValidFrom <= v.at.valid) && (p.ValidTo == nil || v.at.valid < *p.ValidTo)
}
