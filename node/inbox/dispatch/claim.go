package dispatch

import (
	"errors"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

const (
	// maxClaims bounds one command.
	maxClaims = 512
	// maxAsking bounds those who wait for the owner of one name, which all the
	// connections of a node may be, again and again while there is no leader.
	maxAsking = 1 << 15
)

// ownerClaim asks that a principal own a name.
type ownerClaim struct {
	ownerKey
	done []func(error)
}

type ownerKey struct{ agent, principal string }

func (o *ownerClaim) end(err error) {
	for _, fn := range o.done {
		fn(err)
	}
}

// Own claims an agent's name for a principal in the background, together with
// whatever else is to be claimed. done is called once, on any goroutine: with a
// *consensus.Refusal if the name belongs to another, with nil if it does not, or
// if that cannot be decided in a mesh which has no inboxes yet. It must not
// block. Where too many wait for the same it is refused.
func (d *Dispatcher) Own(agent, principal string, done func(error)) {
	d.mu.Lock()
	key := ownerKey{agent, principal}
	o := d.owners[key]
	switch {
	case d.closed:
		d.mu.Unlock()
		done(consensus.ErrClosed)
		return
	case o != nil && len(o.done) >= maxAsking:
		d.mu.Unlock()
		done(consensus.Refuse(message.CodeOverloaded, "too many wait already to hear whether the agent "+agent+" is theirs"))
		return
	}
	defer d.mu.Unlock()
	if o == nil {
		o = &ownerClaim{ownerKey: key}
		d.owners[key] = o
	}
	o.done = append(o.done, done)
	d.toClaim.set()
}

// claim asks for the place of an inbox's dispatcher. d.mu is held.
func (d *Dispatcher) claim(s *served) {
	if d.claims[s.name] == nil && !d.claiming[s.name] {
		d.claims[s.name] = s
		d.toClaim.set()
	}
}

// claimed is one claim under way, and who asked for it.
type claimed struct {
	claim inbox.Claim
	owner *ownerClaim // nil: nobody asks for a principal
	place *served     // nil: not for the place of its dispatcher
}

// keepClaims proposes what is to be claimed: one command at a time, so that what
// is asked for meanwhile goes together with the next.
func (d *Dispatcher) keepClaims() {
	failures := 0
	for {
		list := d.nextClaims()
		if len(list) == 0 {
			select {
			case <-d.toClaim:
				continue
			case <-d.ctx.Done():
				return
			}
		}
		claims := make([]inbox.Claim, len(list))
		for i, c := range list {
			claims[i] = c.claim
		}
		results, err := d.cfg.Inboxes.Claim(d.ctx, claims)
		if err == nil && len(results) != len(list) {
			err = errors.New("not all claims were answered")
		}
		d.claimsEnded(list, results, err)
		if err == nil {
			failures = 0
			continue
		}
		failures++
		d.cfg.Logger.Debug("names cannot be claimed yet", "claims", len(list), "error", err)
		wait := time.NewTimer(min(retryFirst<<min(failures, 8), retryLast))
		select {
		case <-wait.C:
		case <-d.ctx.Done():
			wait.Stop()
			return
		}
	}
}

// nextClaims takes up to maxClaims of those that wait.
func (d *Dispatcher) nextClaims() []claimed {
	d.mu.Lock()
	defer d.mu.Unlock()
	var list []claimed
	for key, o := range d.owners {
		if len(list) == maxClaims {
			return list
		}
		delete(d.owners, key)
		one := claimed{claim: inbox.Claim{Agent: o.agent, Principal: o.principal}, owner: o}
		if s := d.claims[o.agent]; s != nil {
			one.place, one.claim = s, d.placeClaim(s)
			one.claim.Principal = o.principal
		}
		list = append(list, one)
	}
	for _, s := range d.claims {
		if len(list) == maxClaims {
			return list
		}
		list = append(list, claimed{claim: d.placeClaim(s), place: s})
	}
	return list
}

// placeClaim asks for the place of an inbox's dispatcher as it is known. d.mu is
// held.
func (d *Dispatcher) placeClaim(s *served) inbox.Claim {
	delete(d.claims, s.name)
	d.claiming[s.name] = true
	node := d.cfg.Node
	if s.node == node {
		node = s.successor() // it is handed over
	}
	return inbox.Claim{Agent: s.name, Node: node, Take: s.node != "", Epoch: s.epoch}
}

// claimsEnded takes the answers, or lets what failed be asked again.
func (d *Dispatcher) claimsEnded(list []claimed, results []inbox.ClaimResult, err error) {
	var refusal *consensus.Refusal
	never := errors.As(err, &refusal) // by a mesh that has no inboxes yet
	var ended []func()
	d.mu.Lock()
	for i, c := range list {
		if c.place != nil {
			delete(d.claiming, c.place.name)
		}
		if c.owner != nil {
			switch {
			case never:
				ended = append(ended, func() { c.owner.end(nil) })
			case err != nil:
				d.askAgain(c.owner)
			case results[i].Code != "":
				r := results[i]
				ended = append(ended, func() { c.owner.end(consensus.Refuse(r.Code, r.Sentence)) })
			default:
				ended = append(ended, func() { c.owner.end(nil) })
			}
		}
		if c.place != nil && err != nil && c.place.moving.quiet() {
			d.goOn(c.place, time.Now().Add(quietEvery))
		}
		if c.place != nil && err == nil && results[i].Code == "" && d.agents[c.place.name] == c.place {
			c.place.answers++
			d.dispatchedBy(c.place, results[i].Node, results[i].Epoch)
		}
	}
	d.mu.Unlock()
	for _, fn := range ended {
		fn()
	}
	d.moved.set() // what was not granted is judged again
}

func (d *Dispatcher) askAgain(o *ownerClaim) {
	if now := d.owners[o.ownerKey]; now != nil {
		now.done = append(o.done, now.done...)
		return
	}
	d.owners[o.ownerKey] = o
}
