package inbox

import "github.com/meshd/meshd/consensus"

// PartName is the name the part is registered under.
const PartName = "inbox"

// Part is the inboxes in the replicated state.
type Part struct{}

// NewPart returns the part.
func NewPart() *Part { return &Part{} }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return nil }

// Apply implements consensus.Part.
func (p *Part) Apply(consensus.Writer, consensus.Command) ([]byte, error) {
	return nil, refuse(CodeUpgradeNode, "this node keeps no inboxes yet")
}

// Watch calls fn after each commit that brought new messages to inboxes, or
// made room for others, with the names of the agents. fn must not block and
// must not call the Service. nil names mean that any may have changed: the
// state was replaced.
func (p *Part) Watch(fn func(agents []string)) (cancel func()) { return func() {} }
