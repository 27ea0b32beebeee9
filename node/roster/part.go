package roster

import (
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
)

// PartName is the name the part is registered under.
const PartName = "roster"

// Part is the roster in the replicated state.
type Part struct {
	onChange func(*Roster)
	current  atomic.Pointer[Roster]
}

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Observer = (*Part)(nil)
)

// NewPart returns the part. onChange, which may be nil, gets each new roster
// before the command that made it is answered; it runs on the applying
// goroutine, in the order of revisions, and must not propose. It is the place
// where the trust file is written.
func NewPart(onChange func(*Roster)) *Part {
	p := &Part{onChange: onChange}
	p.current.Store(&Roster{})
	return p
}

// Roster returns the roster in the state as of the last applied change, never
// nil: without a mesh its MeshID is empty. Safe for concurrent use.
func (p *Part) Roster() *Roster { return p.current.Load() }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table {
	return []consensus.Table{tableMeta, tableMembers, tableTombstones, tableNames, tablePins, tableRafts, tableTokens}
}

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	var e envelope
	if err := decodeBody(c.Body, &e); err != nil {
		return nil, err
	}
	switch e.Kind {
	case kindFound:
		return run(w, c, e.Body, applyFound)
	case kindAdmit:
		return run(w, c, e.Body, applyAdmit)
	case kindUpdate:
		return run(w, c, e.Body, applyUpdate)
	case kindReseat:
		return run(w, c, e.Body, applyReseat)
	case kindLeave:
		return run(w, c, e.Body, applyLeave)
	case kindStay:
		return run(w, c, e.Body, applyStay)
	case kindVacate:
		return run(w, c, e.Body, applyVacate)
	case kindSpare:
		return run(w, c, e.Body, applySpare)
	case kindForget:
		return run(w, c, e.Body, applyForget)
	case kindRemove:
		return run(w, c, e.Body, applyRemove)
	case kindCreateToken:
		return run(w, c, e.Body, applyCreateToken)
	case kindRevokeToken:
		return run(w, c, e.Body, applyRevokeToken)
	case kindRefound:
		return run(w, c, e.Body, applyRefound)
	}
	return nil, refuse(CodeUpgradeNode, fmt.Sprintf("roster command %d is unknown to this version; upgrade this node", e.Kind))
}

// run decodes a body, hands it to its reducer and encodes the result.
func run[B, R any](w consensus.Writer, c consensus.Command, body []byte, apply func(consensus.Writer, consensus.Command, B) (R, error)) ([]byte, error) {
	var b B
	if err := decodeBody(body, &b); err != nil {
		return nil, err
	}
	result, err := apply(w, c, b)
	if err != nil {
		return nil, err
	}
	return consensus.Encode(result), nil
}

// Committed implements consensus.Observer.
func (p *Part) Committed(r consensus.Reader) {
	m, ok, err := load[meta](r, tableMeta, keyMesh)
	if err == nil && ok && m.Revision == p.current.Load().Revision {
		return // only tokens changed
	}
	p.publish(r)
}

// Reset implements consensus.Observer.
func (p *Part) Reset(r consensus.Reader) { p.publish(r) }

func (p *Part) publish(r consensus.Reader) {
	roster, err := readRoster(r)
	if err != nil {
		// The last good roster stays in force: trusting nobody would cut this
		// node off from those who could repair it.
		slog.Error("the roster cannot be read from the state", "error", err)
		return
	}
	p.current.Store(roster)
	if p.onChange != nil && roster.MeshID != "" {
		p.onChange(roster)
	}
}
