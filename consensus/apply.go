package consensus

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

// Apply implements raft.FSM.
func (m *machine) Apply(l *raft.Log) any { return m.ApplyBatch([]*raft.Log{l})[0] }

// batch is what Raft has handed over at once, or its part up to a scan.
type batch struct {
	reader   *txReader
	changed  map[*registered]bool
	answers  []answer
	entries  int
	commands int
	taken    int    // of the entries handed over
	scan     uint64 // ordered by the last of them: the batch ends there
}

// observed says that a part has changed whose observer wants to see it.
func (b *batch) observed() bool {
	for p := range b.changed {
		if p.observer != nil {
			return true
		}
	}
	return false
}

type answer struct {
	origin origin
	seq    uint64
	out    outcome
}

// ApplyBatch implements raft.BatchingFSM.
// Outcomes reach their proposers by origin and sequence, not by the futures of
// Raft, so that a forwarded command is answered by the node that took it.
func (m *machine) ApplyBatch(logs []*raft.Log) []any {
	responses := make([]any, len(logs))
	last := logs[len(logs)-1].Index
	if err := m.durable(last); err != nil {
		m.fail(err)
	}
	m.applying(last)
	if m.broken() != nil {
		for i := range responses {
			responses[i] = ErrStateFault
		}
		return responses
	}
	for done := 0; done < len(logs); {
		start := time.Now()
		b, err := m.applyBatch(logs[done:])
		if err != nil {
			for i := done; i < len(logs); i++ {
				responses[i] = ErrStateFault
			}
			return responses
		}
		done += b.taken
		m.stats.applied(time.Since(start), b.entries, b.commands)
		if b.scan != 0 {
			m.order(b.scan)
		}
	}
	return responses
}

func (m *machine) applyBatch(logs []*raft.Log) (b *batch, err error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer m.salvage(&err)
	defer m.abandon(&err)
	before := m.cur
	b = &batch{changed: make(map[*registered]bool)}
	if b.reader, err = m.write(); err != nil {
		return b, err
	}
	for _, l := range logs {
		if b.scan != 0 || b.entries > 0 && m.full() {
			break
		}
		b.taken++
		m.seen = max(m.seen, l.Index)
		if l.Index <= m.cur.Applied {
			continue // replayed after a restart, the state has it
		}
		if l.Type == raft.LogCommand {
			if err := m.applyEntry(b, l); err != nil {
				return b, fmt.Errorf("entry %d: %w", l.Index, err)
			}
			b.entries++
			m.bytes += len(l.Data)
		}
		m.cur.Applied, m.cur.Term = l.Index, l.Term
	}
	// Observers and scans look at the state as it is right after this batch.
	if m.floor > 0 || b.scan != 0 || b.observed() || m.now() {
		if err := m.commit(); err != nil {
			return b, err
		}
	} else if m.cur.Applied != before.Applied {
		m.later()
	}
	if m.cur.Applied == before.Applied {
		return b, nil
	}
	m.publish()
	switch was := m.floor; {
	case m.below():
	case was > 0:
		m.reset()
	default:
		m.tell(b)
	}
	for _, a := range b.answers {
		if m.resolve(a.origin, a.seq, a.out) {
			m.promised = m.cur.Revision
		}
	}
	m.moved.wake()
	if m.cur.Revision != before.Revision {
		m.changed.wake()
	}
	return b, nil
}

func (m *machine) applyEntry(b *batch, l *raft.Log) error {
	e, err := decodeEntry(l.Data)
	if errors.Is(err, ErrNewer) || (err == nil && e.level > Level) {
		return fmt.Errorf("level %d, upgrade this node: %w", e.level, ErrNewer)
	}
	if err != nil {
		// Its bytes are what the leader appended, so it is malformed everywhere.
		m.logger.Error("an entry is malformed and was passed over", "index", l.Index)
		return nil
	}
	was := m.cur.Time
	m.cur.Time = max(m.cur.Time, e.stamp)
	b.reader.ms = m.cur.Time
	if was/60_000 != m.cur.Time/60_000 {
		if err := m.origins.sweep(b.reader.tables, m.cur.Time); err != nil {
			return err
		}
		if m.cur.Staged > 0 {
			if err := m.sweepStaged(b.reader.tables); err != nil {
				return err
			}
		}
	}
	if err := forget(b.reader.tables, &m.cur); err != nil {
		return err
	}
	touched := make([]origin, 0, len(e.acks))
	for _, a := range e.acks {
		if err := m.origins.ack(b.reader.tables, a); err != nil {
			return err
		}
		touched = append(touched, a.origin)
	}
	for _, data := range e.envelopes {
		env, err := decodeEnvelope(data)
		if err != nil {
			m.logger.Error("a command is malformed and was passed over", "index", l.Index)
			continue
		}
		b.commands++
		if env.part == sysPart {
			m.applySystem(b, env.body, l.Term)
			continue
		}
		out, done := m.origins.lookup(env.origin, env.seq)
		if !done {
			if out, err = m.execute(b, &env); err != nil {
				return err
			}
			m.origins.record(env.origin, env.seq, out)
			if !slices.Contains(touched, env.origin) {
				touched = append(touched, env.origin)
			}
		}
		b.answers = append(b.answers, answer{env.origin, env.seq, out})
	}
	return m.origins.flush(b.reader.tables, touched, m.cur.Time)
}
