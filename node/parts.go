package node

import (
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/task"
)

// parts are what the replicated state of a node is made of, for whoever opens
// one: a part that was left out would be missing in what is restored.
type parts struct {
	roster    *roster.Part
	keys      *access.Part
	graph     *graphsync.Part
	inboxes   *inbox.Part
	tasks     *task.Part
	proposals *proposal.Part
}

// newParts makes them; changed may be nil and is told of each new roster.
func newParts(changed func(*roster.Roster)) parts {
	return parts{
		roster: roster.NewPart(changed), keys: access.NewPart(), graph: graphsync.NewPart(),
		inboxes: inbox.NewPart(), tasks: task.NewPart(), proposals: proposal.NewPart(),
	}
}

func (p parts) all() []consensus.Part {
	return []consensus.Part{p.roster, p.keys, p.graph, p.inboxes, p.tasks, p.proposals}
}
