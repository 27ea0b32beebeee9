package node

import (
	"context"
	"errors"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/inbox"
)

// callLend asks the node that pushes an inbox which of some messages are with the
// agent, and lets it not push the others while they are leased: lending → lent.
const callLend = "inbox.lend"

// lendTime bounds the question. Who does not answer is taken to have nothing out:
// it is dead, or about to be.
const lendTime = time.Second

type lending struct {
	Agent string   `cbor:"1,keyasint"`
	Seqs  []uint64 `cbor:"2,keyasint"`
}

type lent struct {
	Out []uint64 `cbor:"1,keyasint,omitempty"`
}

// lend implements inbox.Config.Lend.
func (n *Node) lend(ctx context.Context, agent string, seqs []uint64) []uint64 {
	at := n.inboxes.Place(agent)
	d := n.dispatcher.Load()
	switch {
	case at == string(n.id.ID()) && d != nil:
		return d.Lend(agent, seqs)
	case at == string(n.id.ID()), at == "" || !n.alive(at):
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lendTime)
	defer cancel()
	body, err := n.port.Call(ctx, identity.NodeID(at), callLend, consensus.Encode(lending{agent, seqs}))
	var answer lent
	if err == nil {
		err = consensus.Decode(body, &answer)
	}
	if err != nil {
		n.log.Debug("what is out of an inbox is not known", "agent", agent, "node", at, "error", err)
		return nil
	}
	return answer.Out
}

// tellLent answers callLend.
func (n *Node) tellLent(_ context.Context, _ identity.NodeID, body []byte) ([]byte, error) {
	var q lending
	if err := consensus.Decode(body, &q); err != nil {
		return nil, err
	}
	d := n.dispatcher.Load()
	if len(q.Seqs) > inbox.MaxLeased || d == nil {
		return nil, errors.New("too many messages at once, or none are pushed yet")
	}
	return consensus.Encode(lent{d.Lend(q.Agent, q.Seqs)}), nil
}
