package inbox

import "time"

// agentItems names messages of one agent. The commands that carry them judge
// each by the state: what is not there any more, or not in that inbox, is passed
// over.
type agentItems struct {
	Agent string   `cbor:"1,keyasint"`
	Seqs  []uint64 `cbor:"2,keyasint,omitempty"`
	// For is the milliseconds of a lease.
	For int64 `cbor:"3,keyasint,omitempty"`
}

type returnItem struct {
	Seq    uint64 `cbor:"1,keyasint"`
	Delay  int64  `cbor:"2,keyasint,omitempty"` // ms
	Reason string `cbor:"3,keyasint,omitempty"`
	Counts bool   `cbor:"4,keyasint,omitempty"`
	Final  bool   `cbor:"5,keyasint,omitempty"`
	// Attempt is the one that ends; 0: whichever. From LevelAttempt on.
	Attempt int `cbor:"6,keyasint,omitempty"`
}

// ends says whether the return is of the attempt that is under way. One that
// counts is of a push, which has not been counted yet; the other of a lease.
func (it *returnItem) ends(m *record) bool {
	switch {
	case it.Attempt == 0:
		return true
	case it.Counts:
		return int(m.Attempts)+1 == it.Attempt
	}
	return int(m.Attempts) == it.Attempt && m.LeaseUntil > 0
}

type returnItems struct {
	Agent string       `cbor:"1,keyasint"`
	Items []returnItem `cbor:"2,keyasint"`
}

// done says what such a command came to.
type done struct {
	N    int      `cbor:"1,keyasint,omitempty"`
	Seqs []uint64 `cbor:"2,keyasint,omitempty"`
}

// each calls fn for the messages named that are in the agent's inbox.
func (r *run) each(agent string, seqs []uint64, fn func(b *box, seq uint64, m *record) error) error {
	if len(seqs) > maxItems {
		return errCommand()
	}
	b, err := r.byName([]byte(agent))
	if b == nil || err != nil {
		return err
	}
	var m record
	for _, seq := range seqs {
		found, err := r.message(seq, &m)
		if err != nil {
			return err
		}
		if !found || m.Inbox != b.id {
			continue
		}
		if err := fn(b, seq, &m); err != nil {
			return err
		}
	}
	return nil
}

// entryOf is what memory knows of a message that is kept.
func entryOf(seq uint64, m *record) entry {
	var t tail
	t.read(m.Tail)
	return entry{
		seq: seq, expires: m.expires(), until: m.until(), id: hash(t.ID), sender: senderHash(t.Agent, t.Principal), size: uint32(m.BodySize), prio: m.Priority,
		node: hashNode(m.Node), attempts: m.Attempts, spent: m.LeaseUntil > 0 && m.Attempts >= m.MaxAttempts, back: m.Back,
	}
}

func (r *run) update(b *box, seq uint64, m *record) {
	r.store(seq, m)
	b.changed = true
	r.change(change{op: opUpdate, inbox: b.id, e: entryOf(seq, m)})
}

// returns gives messages back.
func (r *run) returns(cmd *returnItems) (done, error) {
	var out done
	if len(cmd.Items) > maxItems {
		return out, errCommand()
	}
	for _, it := range cmd.Items {
		if it.Delay < 0 || it.Delay > MaxDelay.Milliseconds() || len(it.Reason) > maxLabel || it.Attempt < 0 {
			return out, errCommand()
		}
		err := r.each(cmd.Agent, []uint64{it.Seq}, func(b *box, seq uint64, m *record) error {
			if !it.ends(m) {
				return nil
			}
			out.N++
			b.counts.Returned++
			b.countsChanged = true
			r.m.Returned++
			m.Reason, m.LeaseUntil, m.NotBefore, m.Back = []byte(it.Reason), 0, 0, true
			if it.Counts && m.Attempts < MaxAttempts {
				m.Attempts++
			}
			switch {
			case it.Final:
				return r.kill(b, seq, m, diedReturned)
			case m.Attempts >= m.MaxAttempts:
				return r.kill(b, seq, m, diedAttempts)
			}
			if it.Delay > 0 {
				m.NotBefore = r.now + it.Delay
			}
			r.update(b, seq, m)
			return nil
		})
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// lease hands out those that are due. One that has had all of its attempts is a
// dead letter instead.
func (r *run) lease(cmd *agentItems) (done, error) {
	var out done
	if cmd.For <= 0 || cmd.For > MaxLease.Milliseconds() || len(cmd.Seqs) > MaxLeased {
		return out, errCommand()
	}
	err := r.each(cmd.Agent, cmd.Seqs, func(b *box, seq uint64, m *record) error {
		switch {
		case m.until() > r.now:
			return nil
		case m.expires() <= r.now:
			return r.kill(b, seq, m, diedExpired)
		case m.Attempts >= m.MaxAttempts:
			return r.kill(b, seq, m, diedAttempts)
		}
		m.Attempts++
		m.NotBefore, m.LeaseUntil, m.Back = 0, r.now+cmd.For, false
		r.update(b, seq, m)
		out.N++
		out.Seqs = append(out.Seqs, seq)
		return nil
	})
	return out, err
}

// expire makes dead letters of what is over its time, or had all of its leases.
func (r *run) expire(seqs []uint64) (done, error) {
	var out done
	if len(seqs) > maxSwept {
		return out, errCommand()
	}
	var m record
	for _, seq := range seqs {
		found, err := r.message(seq, &m)
		if err != nil {
			return out, err
		}
		if !found {
			continue
		}
		b, err := r.byID(m.Inbox)
		if err != nil {
			return out, err
		}
		switch {
		case m.expires() <= r.now:
			err = r.kill(b, seq, &m, diedExpired)
		case m.LeaseUntil > 0 && m.LeaseUntil <= r.now && m.Attempts >= m.MaxAttempts:
			err = r.kill(b, seq, &m, diedAttempts)
		default:
			continue
		}
		if err != nil {
			return out, err
		}
		out.N++
	}
	return out, nil
}

// purge makes dead letters of what waits.
func (r *run) purge(cmd *agentItems) (done, error) {
	var out done
	err := r.each(cmd.Agent, cmd.Seqs, func(b *box, seq uint64, m *record) error {
		out.N++
		return r.kill(b, seq, m, diedPurged)
	})
	return out, err
}

// sweep is what time takes away, named by the leader and judged by the state.
type sweep struct {
	// Dead letters: inbox, seq.
	Dead [][2]uint64 `cbor:"1,keyasint,omitempty"`
	// Blobs that nobody has named, Sources that are silent.
	Blobs [][]byte `cbor:"2,keyasint,omitempty"`
	Slots [][]byte `cbor:"3,keyasint,omitempty"`
	// IDs is how many of the oldest message ids to look at.
	IDs int `cbor:"4,keyasint,omitempty"`
	// Shares of principals of whom nothing is left. From LevelShare on.
	Shares [][]byte `cbor:"5,keyasint,omitempty"`
}

func (r *run) sweep(cmd *sweep) (done, error) {
	var out done
	if len(cmd.Dead)+len(cmd.Blobs)+len(cmd.Slots)+len(cmd.Shares) > 4*maxSwept || cmd.IDs < 0 || cmd.IDs > 8*maxSwept {
		return out, errCommand()
	}
	for _, at := range cmd.Dead {
		v := r.w.Get(tableDead, pairKey(at[0], at[1]))
		if v == nil {
			continue
		}
		var (
			d deadRecord
			m record
		)
		if err := d.open(v, &m); err != nil {
			return out, err
		}
		if d.At+int64(DeadTTL/time.Millisecond) > r.now {
			continue
		}
		b, err := r.byID(at[0])
		if err != nil {
			return out, err
		}
		if err := r.bury(b, at[1], &m); err != nil {
			return out, err
		}
		b.counts.Dropped++
		r.m.Dropped++
		out.N++
	}
	for _, k := range cmd.Blobs {
		if len(k) != len(blobID{}) {
			return out, errCommand()
		}
		var b blobRecord
		v := r.w.Get(tableBlob, k)
		if v == nil {
			continue
		}
		if !b.read(v) {
			return out, errBroken("a body")
		}
		if b.Refs == 0 && int64(b.At)+blobTTL <= r.now {
			r.m.Staged -= b.Size
			r.dropBlob(blobID(k), &b)
			out.N++
		}
	}
	for _, k := range cmd.Slots {
		var f fromRecord
		v := r.w.Get(tableFrom, k)
		if v == nil {
			continue
		}
		if !f.read(v) {
			return out, errBroken("the answer to a batch")
		}
		if f.At+fromTTL <= r.now {
			r.w.Delete(tableFrom, k)
			out.N++
		}
	}
	out.N += r.forget(cmd.IDs)
	n, err := r.dropShares(cmd.Shares)
	out.N += n
	return out, err
}
