package inbox

import (
	"encoding/binary"
)

// kill makes a message a dead letter. The oldest goes where there are as many
// as are kept.
func (r *run) kill(b *box, seq uint64, m *record, why byte) error {
	m.NotBefore, m.LeaseUntil, m.Back = 0, 0, false
	d := deadRecord{Death: why, At: r.now, Record: m.encode(nil)}
	r.w.Delete(tableMessage, key64(seq))
	r.take(b, m)
	r.change(change{op: opRemove, inbox: b.id, e: entry{seq: seq, prio: m.Priority}})
	r.w.Put(tableDead, pairKey(b.id, seq), d.encode(nil))
	b.counts.Dead++
	b.counts.DeadBytes += m.Charge
	r.m.Dead++
	r.m.DeadBytes += m.Charge
	r.m.Died++
	var t tail
	t.read(m.Tail)
	r.change(change{op: opDead, inbox: b.id, e: entry{seq: seq, until: r.now, id: hash(t.ID)}})
	if b.counts.Dead <= DeadLetters {
		return nil
	}
	for k, v := range r.w.Scan(tableDead, key64(b.id), after(b.id)) {
		var oldest deadRecord
		var rec record
		if err := oldest.open(v, &rec); len(k) != 16 || err != nil {
			return errBroken("a dead letter")
		}
		b.counts.Dropped++
		r.m.Dropped++
		return r.bury(b, binary.BigEndian.Uint64(k[8:]), &rec)
	}
	return errBroken("the count of dead letters")
}

// unkill removes a dead letter, but for its body.
func (r *run) unkill(b *box, seq uint64, m *record) {
	r.w.Delete(tableDead, pairKey(b.id, seq))
	b.counts.Dead--
	b.counts.DeadBytes -= m.Charge
	b.countsChanged = true
	r.m.Dead--
	r.m.DeadBytes -= m.Charge
	r.change(change{op: opBury, inbox: b.id, e: entry{seq: seq}})
}

// bury removes a dead letter for good.
func (r *run) bury(b *box, seq uint64, m *record) error {
	r.unkill(b, seq, m)
	if err := r.gone(m); err != nil {
		return err
	}
	return r.release(m)
}

// eachDead calls fn for the dead letters named of an agent.
func (r *run) eachDead(agent string, seqs []uint64, fn func(b *box, seq uint64, d *deadRecord, m *record) error) error {
	if len(seqs) > maxItems {
		return errCommand()
	}
	b, err := r.byName([]byte(agent))
	if b == nil || err != nil {
		return err
	}
	for _, seq := range seqs {
		v := r.w.Get(tableDead, pairKey(b.id, seq))
		if v == nil {
			continue
		}
		var (
			d deadRecord
			m record
		)
		if err := d.open(v, &m); err != nil {
			return err
		}
		if err := fn(b, seq, &d, &m); err != nil {
			return err
		}
	}
	return nil
}

// redrive makes dead letters messages again. It ends where the inbox is full.
func (r *run) redrive(cmd *agentItems) (done, error) {
	var out done
	err := r.eachDead(cmd.Agent, cmd.Seqs, func(b *box, seq uint64, _ *deadRecord, m *record) error {
		if _, ok := r.room(b, m.Charge); !ok {
			return nil
		}
		r.unkill(b, seq, m)
		m.Attempts, m.Accepted, m.Reason = 0, r.now, nil
		to := r.m.NextSeq
		r.m.NextSeq++
		r.store(to, m)
		r.put(b, m)
		r.change(change{op: opAdd, inbox: b.id, e: entryOf(to, m)})
		out.N++
		return nil
	})
	return out, err
}

// dropDead removes dead letters for good: those that were asked for.
func (r *run) dropDead(cmd *agentItems) (done, error) {
	var out done
	err := r.eachDead(cmd.Agent, cmd.Seqs, func(b *box, seq uint64, _ *deadRecord, m *record) error {
		out.N++
		return r.bury(b, seq, m)
	})
	return out, err
}
