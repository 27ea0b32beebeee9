package consensus

import (
	"fmt"
	"runtime/debug"
)

// below says that observers know more than this state has.
func (m *machine) below() bool {
	if m.cur.Revision >= m.floor {
		m.floor = 0
	}
	return m.floor > 0
}

// reset tells observers and listeners that the state was replaced.
func (m *machine) reset() {
	m.observe(func(r Reader) {
		for _, p := range m.inOrder {
			if p.observer != nil {
				m.guard(p, func() { p.observer.Reset(r) })
			}
			if p.listener != nil {
				m.guard(p, func() { p.listener.Reset(r) })
			}
		}
	})
}

// tell tells the parts that a batch has changed of it.
func (m *machine) tell(b *batch) {
	if b.observed() {
		m.observe(func(r Reader) {
			for _, p := range m.inOrder {
				if p.observer != nil && b.changed[p] {
					m.guard(p, func() { p.observer.Committed(r) })
				}
			}
		})
	}
	for _, p := range m.inOrder {
		if p.listener != nil && b.changed[p] {
			m.guard(p, p.listener.Applied)
		}
	}
}

// observe calls fn with a view of what has just been committed.
func (m *machine) observe(fn func(Reader)) {
	if _, err := m.view(func(r Reader) error { fn(r); return nil }); err != nil {
		m.fail(fmt.Errorf("reading the state back: %w", err))
	}
}

func (m *machine) guard(p *registered, fn func()) {
	defer func() {
		if v := recover(); v != nil {
			stack := debug.Stack()
			if fromStore(v, stack) {
				panic(storePanic{v})
			}
			m.stats.poison()
			m.logger.Error("an observer panicked", "part", p.Name(), "panic", fmt.Sprint(v), "stack", string(stack))
		}
	}()
	fn()
}
