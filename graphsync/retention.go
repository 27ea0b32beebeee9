package graphsync

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Default bounds of log and history.
const (
	DefaultKeepDays  = 90
	DefaultKeepBytes = 1 << 30

	dayMillis = 24 * 60 * 60 * 1000
)

// Retention is how long the past is kept, and what is.
type Retention struct {
	Days  uint64 `json:"days"`
	Bytes uint64 `json:"bytes"`
	// OldestRevision is the first that as_of and since may name.
	OldestRevision uint64 `json:"oldest_revision"`
	Changes        uint64 `json:"changes" doc:"in the log"`
	HeldBytes      uint64 `json:"held_bytes" doc:"of log and history"`
}

// Retention returns the bounds of log and history.
func (s *Service) Retention(ctx context.Context, ro consensus.ReadOptions) (Retention, consensus.ReadInfo, error) {
	var out Retention
	info, err := s.read(ctx, ro, func(v *view) error {
		m, err := v.counters()
		if err != nil {
			return err
		}
		held := v.held()
		millis, bytes := m.keep()
		out = Retention{Days: uint64(millis / dayMillis), Bytes: bytes, OldestRevision: m.oldest(v.r.Revision()),
			Changes: held.count, HeldBytes: held.bytes}
		return nil
	})
	return out, info, err
}

// SetRetention bounds log and history by age and size; 0 is the default. What
// is over a bound goes with the commands that follow, a few changes each.
func (s *Service) SetRetention(ctx context.Context, wo WriteOptions, days, bytes uint64) (consensus.Outcome, error) {
	_, out, err := s.one(ctx, wo, "", &Op{Op: OpSetRetention, Days: days, Bytes: bytes})
	return out, err
}

func (t *tx) setRetention(o *op) (opResult, *consensus.Refusal, error) {
	if !t.keeps {
		return opResult{}, refuseOlder(), nil
	}
	if r := o.checkVerb(); r != nil {
		return opResult{}, r, nil
	}
	millis := o.Days * dayMillis
	if t.meta.KeepMillis == millis && t.meta.KeepBytes == o.Bytes {
		return opResult{}, nil, nil
	}
	t.changed = true
	t.meta.KeepMillis, t.meta.KeepBytes = millis, o.Bytes
	t.note(change{deed: changeUpdated, kind: kindRetention})
	return opResult{Status: updated}, nil, nil
}

func (m *metaRecord) keep() (millis int64, bytes uint64) {
	millis, bytes = int64(m.KeepMillis), m.KeepBytes
	if millis == 0 {
		millis = DefaultKeepDays * dayMillis
	}
	if bytes == 0 {
		bytes = DefaultKeepBytes
	}
	return millis, bytes
}

// oldest is the first revision whose state is known, at the revision given.
func (m *metaRecord) oldest(now uint64) uint64 {
	switch {
	case m.LogFrom > 0:
		return m.LogFrom - 1
	case m.Format == 0: // nothing was written yet
		return 0
	}
	return now
}

// startLog is called before the first change is logged. In a graph that was
// written to before, the past begins only now.
func (t *tx) startLog() {
	if t.meta.LogFrom != 0 {
		return
	}
	t.meta.LogFrom = 1
	if t.was != (metaRecord{}) {
		t.meta.LogFrom, t.meta.LogSince = t.c.Revision, t.c.Time.UnixMilli()
	}
}

// trim forgets the oldest changes while log and history are over a bound: a few
// more than a command can have made, so that it catches up. A revision that is
// not forgotten whole no longer counts as known.
func (t *tx) trim() {
	millis, keepBytes := t.meta.keep()
	since := t.c.Time.Add(-time.Duration(millis) * time.Millisecond).UnixMilli()
	held := &t.holds
	if held.bytes <= keepBytes && held.oldest >= since {
		return
	}
	floor := t.leased()
	left := 2*max(len(t.cmd.Ops), int(t.ord)) + 16
	end := appendLogKey(nil, t.c.Revision, 0)
	for k, v := range t.w.Scan(tLog, nil, end) {
		if len(k) != logKeySize {
			return
		}
		c, ok := readChange(k, v)
		if ok && held.bytes <= keepBytes && c.at >= since {
			held.oldest = c.at
			return
		}
		if left == 0 || binary.BigEndian.Uint64(k) > floor {
			return
		}
		left--
		t.meta.LogFrom = max(t.meta.LogFrom, binary.BigEndian.Uint64(k)+1)
		t.dropPast(tLog, k, v)
		held.count--
		if ok {
			t.meta.LogSince = max(t.meta.LogSince, c.at)
			t.forget(&c)
		}
	}
	held.oldest = t.c.Time.UnixMilli() // only this command's are left
}
