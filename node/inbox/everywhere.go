package inbox

import (
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// ToEverywhere makes m a message to agent@*: a copy for the agent at each of the
// nodes named, which are those where it takes messages of its inbox now. Each is
// acknowledged, returned and kept by itself, and waits for the agent at that
// node, as one to agent@node does. Instances that come later have no copy; where
// there is none at all, that is refused, since nobody could say for how many the
// message was.
func (m *Outgoing) ToEverywhere(agent string, nodes []string) error {
	if len(nodes) == 0 {
		return &consensus.Refusal{Code: message.CodeAgentGone, Details: map[string]string{"to": agent + "@*"}, Sentence: "a durable message to " + agent +
			"@* is for each node where " + agent + " takes messages of its inbox now, and there is none: send it to " + agent + ", whose next instance gets it"}
	}
	m.Everywhere, m.To = true, make([]Recipient, len(nodes))
	for i, node := range nodes {
		m.To[i] = Recipient{Agent: agent, Node: node}
	}
	return nil
}
