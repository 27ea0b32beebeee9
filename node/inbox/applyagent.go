package inbox

import (
	"errors"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

type subscribeCommand struct {
	Agent   string `cbor:"1,keyasint"`
	Pattern string `cbor:"2,keyasint"`
}

type claimsCommand struct {
	Claims []claimItem `cbor:"1,keyasint"`
}

type claimItem struct {
	Agent     string `cbor:"1,keyasint"`
	Principal string `cbor:"2,keyasint,omitempty"`
	Node      string `cbor:"3,keyasint,omitempty"`
	Take      bool   `cbor:"4,keyasint,omitempty"`
	Epoch     uint64 `cbor:"5,keyasint,omitempty"`
}

type claimsDone struct {
	Results []ClaimResult `cbor:"1,keyasint"`
}

type releaseCommand struct {
	Agent string `cbor:"1,keyasint"`
	// Empty refuses it where the inbox has letters. From LevelEmpty on.
	Empty bool `cbor:"2,keyasint,omitempty"`
}

type keyCommand struct {
	Agent     string `cbor:"1,keyasint"`
	Recipient string `cbor:"2,keyasint"`
	Hash      string `cbor:"3,keyasint"`
}

// keyRecord is the key of one agent.
type keyRecord struct {
	Format     int    `cbor:"1,keyasint"`
	Recipient  string `cbor:"2,keyasint"`
	Hash       string `cbor:"3,keyasint"`
	Since      int64  `cbor:"4,keyasint"`
	Generation uint64 `cbor:"5,keyasint"`
}

func tooManyAgents() error {
	return refuse(CodeTooMany, fmt.Sprintf("the mesh keeps inboxes for %d agents, the limit; release some that are no more", MaxAgents))
}

// known makes the inbox of an agent that has been seen.
func (r *run) known(name string) (*box, error) {
	if err := message.CheckName(name); err != nil {
		return nil, err
	}
	b, err := r.make([]byte(name))
	switch {
	case err != nil:
		return nil, err
	case b == nil:
		return nil, tooManyAgents()
	}
	if !b.agent.Known {
		b.agent.Known = true
		b.agentChanged = true
	}
	return b, nil
}

func (r *run) claims(cmd *claimsCommand) (claimsDone, error) {
	var out claimsDone
	if len(cmd.Claims) > maxClaims {
		return out, errCommand()
	}
	for _, c := range cmd.Claims {
		if len(c.Principal) > maxLabel || len(c.Node) > maxLabel {
			return out, errCommand()
		}
		res, err := r.claim(&c)
		if err != nil {
			return out, err
		}
		out.Results = append(out.Results, res)
	}
	return out, nil
}

func (r *run) claim(c *claimItem) (ClaimResult, error) {
	out := ClaimResult{Agent: c.Agent}
	// Judged before the agent becomes known by it.
	b, err := r.byName([]byte(c.Agent))
	if err != nil {
		return out, err
	}
	if b != nil && c.Principal != "" && b.agent.Owner != "" && b.agent.Owner != c.Principal {
		out.Owner, out.Node, out.Epoch = b.agent.Owner, b.agent.Node, b.agent.Epoch
		out.Code = CodeNotYourAgent
		out.Sentence = fmt.Sprintf("the agent name %q belongs to another credential; take another name, or ask an administrator to release it", c.Agent)
		return out, nil
	}
	b, err = r.known(c.Agent)
	if err != nil {
		var no *consensus.Refusal
		if errors.As(err, &no) {
			out.Code, out.Sentence = no.Code, no.Sentence
			return out, nil
		}
		return out, err
	}
	a := &b.agent
	if c.Principal != "" && a.Owner == "" {
		a.Owner = c.Principal
		b.agentChanged = true
		r.change(change{op: opOwner, inbox: b.id})
	}
	if c.Node != "" && c.Node != a.Node && (a.Node == "" || c.Take && c.Epoch == a.Epoch) {
		a.Node = c.Node
		a.Epoch++
		b.agentChanged, b.changed = true, true
	}
	out.Owner, out.Node, out.Epoch = a.Owner, a.Node, a.Epoch
	return out, nil
}

// forgetOwner frees a name. Messages, unless there must be none, subscriptions
// and key stay for who claims it next, who mostly is the same agent with another
// credential. A name that has none of them is forgotten.
func (r *run) forgetOwner(cmd *releaseCommand) (done, error) {
	agent := cmd.Agent
	b, err := r.byName([]byte(agent))
	if err != nil {
		return done{}, err
	}
	if b == nil {
		return done{}, unknownAgent(agent)
	}
	if n := &b.counts; cmd.Empty && r.level >= LevelEmpty && n.Messages+n.Dead > 0 {
		return done{}, notEmpty(agent, n.Messages, n.Dead)
	}
	if b.agent.Owner == "" && !b.agent.Known {
		return done{}, nil
	}
	b.agent.Owner, b.agent.Known, b.agent.Node = "", false, ""
	b.agent.Epoch++
	b.agentChanged, b.changed = true, true
	r.change(change{op: opOwner, inbox: b.id})
	return done{N: 1}, nil
}

func unknownAgent(name string) error {
	return &consensus.Refusal{
		Code: CodeUnknownAgent, Sentence: fmt.Sprintf("no agent named %q is known in this mesh", name),
		Details: map[string]string{"agent": name},
	}
}

func (r *run) subscribe(cmd *subscribeCommand) (done, error) {
	if !checkTopic(cmd.Pattern, true) {
		return done{}, errPattern()
	}
	b, err := r.known(cmd.Agent)
	if err != nil {
		return done{}, err
	}
	key := subOfKey(b.id, cmd.Pattern)
	switch {
	case r.w.Get(tableSubOf, key) != nil:
		return done{}, nil
	case b.agent.Subs >= MaxSubscriptions:
		return done{}, refuse(CodeTooMany, fmt.Sprintf("an agent has at most %d durable subscriptions; use a pattern with * or >", MaxSubscriptions))
	case r.m.Subscriptions >= maxSubscriptions:
		return done{}, refuse(CodeTooMany, fmt.Sprintf("the mesh has %d durable subscriptions, the limit", maxSubscriptions))
	}
	s := subRecord{Since: uint64(r.now)}
	v := s.encode(nil)
	r.w.Put(tableSubOf, key, v)
	r.w.Put(tableSub, subKey(cmd.Pattern, b.id), v)
	b.agent.Subs++
	b.agentChanged = true
	r.m.Subscriptions++
	return done{N: 1}, nil
}

func errPattern() error {
	return invalid("pattern", "a pattern is segments of letters, digits, '.', '_' and '-' joined by '/', at most 16 of at most 64 bytes, where * stands for one segment and > at the end for one or more")
}

func (r *run) unsubscribe(cmd *subscribeCommand) (done, error) {
	b, err := r.byName([]byte(cmd.Agent))
	if b == nil || err != nil || len(cmd.Pattern) > maxTopic {
		return done{}, err
	}
	key := subOfKey(b.id, cmd.Pattern)
	if r.w.Get(tableSubOf, key) == nil {
		return done{}, nil
	}
	r.w.Delete(tableSubOf, key)
	r.w.Delete(tableSub, subKey(cmd.Pattern, b.id))
	b.agent.Subs--
	b.agentChanged = true
	r.m.Subscriptions--
	return done{N: 1}, nil
}

func (r *run) publishKey(cmd *keyCommand) (keyRecord, error) {
	if cmd.Recipient == "" || len(cmd.Recipient) > maxKey || cmd.Hash == "" || len(cmd.Hash) > maxLabel {
		return keyRecord{}, errCommand()
	}
	b, err := r.known(cmd.Agent)
	if err != nil {
		return keyRecord{}, err
	}
	k := keyRecord{Format: format}
	if v := r.w.Get(tableKey, key64(b.id)); v != nil {
		if err := consensus.Decode(v, &k); err != nil {
			return k, err
		}
	}
	if k.Recipient == cmd.Recipient {
		return k, nil
	}
	k.Recipient, k.Hash, k.Since = cmd.Recipient, cmd.Hash, r.now
	k.Generation++
	r.w.Put(tableKey, key64(b.id), consensus.Encode(k))
	b.agent.KeyHash = k.Hash
	b.agentChanged = true
	return k, nil
}
