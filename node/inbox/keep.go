package inbox

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
)

const (
	// keepEvery is how often the leader looks for what time has brought about.
	keepEvery = 2 * time.Second
	// keepSteps bounds the commands of one look.
	keepSteps = 32
	// sweepEvery is how often it looks for what only takes room.
	sweepEvery = 30 * time.Second
)

// Keep proposes what time has brought about, while this node leads, until ctx
// ends: messages over their time become dead letters, old dead letters, parts of
// bodies that nobody names and message ids of yesterday go. Where nothing is
// due, nothing is proposed.
func (s *Service) Keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	var swept time.Time
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !s.cfg.Leads() || s.ready() != nil {
			continue
		}
		now := s.cfg.Now()
		rest := now.Sub(swept) >= sweepEvery
		if rest {
			swept = now
		}
		if err := s.Tidy(ctx, rest); err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("the inboxes could not be tidied", "error", err)
		}
	}
}

// Tidy is one look of Keep; with rest, also at what only takes room.
func (s *Service) Tidy(ctx context.Context, rest bool) error {
	now := s.meshNow().UnixMilli()
	for range keepSteps {
		seqs := s.index.overdue(now, maxSwept)
		if len(seqs) == 0 {
			break
		}
		var got done
		if _, err := s.propose(ctx, kindExpire, agentItems{Seqs: seqs}, &got); err != nil {
			return err
		}
		if got.N == 0 {
			break // the mesh's time is behind this clock
		}
	}
	if !rest {
		return nil
	}
	for range keepSteps {
		var cmd sweep
		if _, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error { return s.waste(r, now, &cmd) }); err != nil {
			return err
		}
		if len(cmd.Dead)+len(cmd.Blobs)+len(cmd.Slots)+len(cmd.Shares)+cmd.IDs == 0 {
			return nil
		}
		var got done
		if _, err := s.propose(ctx, kindSweep, cmd, &got); err != nil || got.N == 0 {
			return err
		}
	}
	return nil
}

// waste fills in what a sweep may take.
func (s *Service) waste(r consensus.Reader, now int64, cmd *sweep) error {
	m, err := loadMeta(r)
	if err != nil {
		return err
	}
	cmd.Dead = s.index.oldDead(now-DeadTTL.Milliseconds(), maxSwept)
	if m.Staged > 0 {
		for k, v := range r.Scan(tableBlob, nil, nil) {
			var b blobRecord
			if b.read(v) && b.Refs == 0 && int64(b.At)+blobTTL <= now && len(cmd.Blobs) < maxSwept/8 {
				cmd.Blobs = append(cmd.Blobs, append([]byte(nil), k...))
			}
		}
	}
	for k, v := range r.Scan(tableFrom, nil, nil) {
		var f fromRecord
		if f.read(v) && f.At+fromTTL <= now && len(cmd.Slots) < maxSwept {
			cmd.Slots = append(cmd.Slots, append([]byte(nil), k...))
		}
	}
	for k, v := range r.Scan(tableShare, nil, nil) {
		var h share
		if h.read(v) && h == (share{}) && len(cmd.Shares) < maxSwept {
			cmd.Shares = append(cmd.Shares, append([]byte(nil), k...))
		}
	}
	if forgettable(r, &m, now) {
		cmd.IDs = 8 * maxSwept
	}
	return nil
}

// overdue chooses messages that are over their time, or had all of their leases.
func (x *index) overdue(now int64, n int) (seqs []uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.ids {
		if s.soonest == 0 || s.soonest > now {
			continue
		}
		soonest := int64(0)
		look := func(e *entry) {
			if e.gone {
				return
			}
			at := e.overdue()
			if at <= now && len(seqs) < n {
				seqs = append(seqs, e.seq)
			}
			if soonest == 0 || at < soonest {
				soonest = at
			}
		}
		for i := range s.ready {
			q := &s.ready[i]
			for j := q.head; j < len(q.list); j++ {
				look(&q.list[j])
			}
		}
		for _, e := range s.waiting {
			look(&e)
		}
		if s.soonest = soonest; len(seqs) >= n {
			break
		}
	}
	return seqs
}

// oldDead chooses dead letters that died before a time.
func (x *index) oldDead(before int64, n int) (out [][2]uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, s := range x.ids {
		for _, d := range s.dead {
			if d.at <= before && len(out) < n {
				out = append(out, [2]uint64{id, d.seq})
			}
		}
		if len(out) == n {
			break
		}
	}
	return out
}
