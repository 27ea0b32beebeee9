package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// execute runs one command on its overlay. Its error is a fault of the store;
// whatever the part did is in the outcome.
func (m *machine) execute(b *batch, env *envelope) (outcome, error) {
	refuse := func(r *Refusal) outcome { return outcome{Revision: m.cur.Revision, Refusal: r} }
	p := m.parts[env.part]
	if p == nil {
		return refuse(internal(fmt.Sprintf("there is no part named %q", env.part))), nil
	}
	if env.kind == envelopeChunk {
		return m.stage(b.reader.tables, env)
	}
	body := env.body
	if env.idem != nil {
		if out, ok, err := recall(b.reader.tables, env.idem); ok || err != nil {
			return out, err
		}
	}
	if env.kind == envelopeStaged {
		var err error
		if body, err = m.unstage(b.reader.tables, env); err != nil {
			return outcome{}, err
		}
		if body == nil {
			return refuse(&Refusal{Code: codeStagedGone, Sentence: "the chunks of the command are not all there"}), nil
		}
	}
	o := &m.overlay
	o.reset(b.reader)
	result, err := m.run(p, o, Command{
		Body:     body,
		Revision: m.cur.Revision + 1,
		Time:     b.reader.Time(),
		Level:    m.cur.Level,
	})
	var writes []Write
	if err == nil {
		writes = o.Writes()
		err = p.check(writes)
	}
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) {
			m.logger.Error("a command failed inside its part", "part", env.part, "error", err)
			r = internal("the command failed inside the part " + env.part)
		}
		return refuse(r), nil
	}
	if len(writes) > 0 {
		m.cur.Revision++
		b.reader.rev = m.cur.Revision
		b.changed[p] = true
		m.chain(writes)
		m.writes += len(writes)
		for _, w := range writes {
			if err := flush(b.reader, w); err != nil {
				return outcome{}, err
			}
		}
	}
	out := outcome{Revision: m.cur.Revision, Result: slices.Clone(result)}
	if env.idem != nil {
		if err := remember(b.reader.tables, &m.cur, env.idem, out); err != nil {
			return outcome{}, err
		}
	}
	return out, nil
}

func flush(r *txReader, w Write) error {
	t := r.table(w.Table)
	if w.Deleted {
		return t.delete(w.Key)
	}
	return t.put(w.Key, w.Value)
}

// run catches a panic: one poison command must not put every node into a crash
// loop.
func (m *machine) run(p *registered, w Writer, c Command) (result []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			if fromStore(v, stack) {
				panic(storePanic{v}) // not the command's doing: other nodes will apply it
			}
			m.stats.poison()
			m.logger.Error("a part panicked", "part", p.Name(), "panic", fmt.Sprint(v), "stack", string(stack))
			result, err = nil, internal("the command broke the part "+p.Name())
		}
	}()
	return p.Apply(w, c)
}

// check refuses writes that the store could not take or that are not the
// part's to make.
func (p *registered) check(writes []Write) error {
	for _, w := range writes {
		switch {
		case !p.tables[w.Table]:
			return internal(fmt.Sprintf("the part %s wrote to the table %s", p.Name(), w.Table))
		case len(w.Key) == 0 || len(w.Key) > maxKey:
			return internal(fmt.Sprintf("the part %s wrote a key of %d bytes", p.Name(), len(w.Key)))
		case len(w.Value) > maxValue:
			return internal(fmt.Sprintf("the part %s wrote a value of %d bytes", p.Name(), len(w.Value)))
		}
	}
	return nil
}

// chain extends the rolling hash: SHA-256(previous, revision, writes). Equal
// hashes at equal revisions prove equal effects on all nodes.
func (m *machine) chain(writes []Write) {
	b := append(m.framing[:0], m.cur.Hash[:]...)
	b = binary.AppendUvarint(b, m.cur.Revision)
	for _, w := range writes {
		b = appendBytes(b, w.Table)
		b = appendBytes(b, w.Key)
		if w.Deleted {
			b = append(b, 0)
		} else {
			b = append(b, 1)
			b = appendBytes(b, w.Value)
		}
	}
	m.framing = b[:0]
	m.hash.Reset()
	m.hash.Write(b)
	m.hash.Sum(m.cur.Hash[:0])
}
