package task

import (
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// PartName is the name the part is registered under.
const PartName = "task"

// Part is the tasks in the replicated state. It tells who watches of what was
// committed.
type Part struct{ numbered.Watched[Event] }

// what the part's commands are of, for refusals.
const what = "tasks"

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Observer = (*Part)(nil)
)

// NewPart returns the part.
func NewPart() *Part { return &Part{} }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return allTables }

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	var e numbered.Envelope
	if err := numbered.Decode(c.Body, &e, what); err != nil {
		return nil, err
	}
	s, err := openStore(w, c)
	if err != nil {
		return nil, err
	}
	result, err := s.execute(e)
	if err != nil {
		return nil, err
	}
	if err := s.close(); err != nil {
		return nil, err
	}
	p.Happened(s.events)
	return result, nil
}

func (s *store) execute(e numbered.Envelope) ([]byte, error) {
	switch e.Kind {
	case kindSubmit:
		return numbered.Run(e, what, func(b submit) ([]byte, error) {
			m, err := s.submit(b)
			return consensus.Encode(m), err
		})
	case kindAssign:
		return numbered.Run(e, what, numbered.Quiet(s.assign))
	case kindTold:
		return numbered.Run(e, what, numbered.Quiet(s.told))
	case kindReport:
		return numbered.Run(e, what, numbered.Quiet(s.report))
	case kindCancel:
		return numbered.Run(e, what, numbered.Quiet(s.cancel))
	case kindAnswer:
		return numbered.Run(e, what, numbered.Quiet(s.answer))
	case kindLost:
		return numbered.Run(e, what, numbered.Quiet(s.lost))
	case kindTick:
		return numbered.Run(e, what, numbered.Quiet(func(tick) error { return s.tick() }))
	}
	return nil, numbered.Refuse(CodeUpgradeNode, fmt.Sprintf("command %d of tasks is unknown to this version; upgrade this node", e.Kind))
}
