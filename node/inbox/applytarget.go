package inbox

import (
	"slices"

	"github.com/meshd/meshd/consensus"
)

// target is an inbox that a message goes to, and which instance is meant.
type target struct {
	box  *box
	node []byte
}

// targets says whom a message is for.
func (r *run) targets(a *accept, t *tail) ([]target, verdict, error) {
	switch {
	case a.Flags&acceptTopic != 0:
		ids := matching(r.w, string(t.Topic))
		if len(ids) == 0 {
			return nil, verdict{Why: whyNoSubscribers}, nil
		}
		if len(ids) > MaxRecipients {
			return nil, verdict{Why: whyRecipients, Messages: uint64(len(ids))}, nil
		}
		out := make([]target, 0, len(ids))
		for _, id := range ids {
			b, err := r.byID(id)
			if err != nil {
				return nil, verdict{}, err
			}
			out = append(out, target{box: b})
		}
		return out, verdict{}, nil
	case a.Flags&acceptBroadcast != 0:
		return r.everybody(t.Agent)
	}
	c := cursor{b: a.To}
	var out []target
	for len(c.b) > 0 && len(out) <= MaxRecipients {
		name, node := c.text(maxName), c.text(maxLabel)
		if c.bad || len(name) == 0 {
			return nil, verdict{}, errCommand()
		}
		b, err := r.make(name)
		if err != nil {
			return nil, verdict{}, err
		}
		if b == nil {
			return nil, verdict{Why: whyAgents, Name: string(name)}, nil
		}
		out = append(out, target{b, node})
	}
	switch {
	case len(out) == 0:
		return nil, verdict{}, errCommand()
	case len(out) > MaxRecipients:
		return nil, verdict{Why: whyRecipients, Messages: uint64(len(out))}, nil
	}
	return out, verdict{}, nil
}

// everybody is every known agent but the sender, in order of name. Those that
// the command itself has come to know are among them only from the next on.
func (r *run) everybody(sender []byte) ([]target, verdict, error) {
	var (
		names []string
		agent agentRecord
		bad   bool
	)
	consensus.Each(r.w, tableAgent, nil, nil, func(k, v []byte) bool {
		if bad = !agent.read(v); bad {
			return false
		}
		if agent.Known && string(k) != string(sender) {
			names = append(names, string(k))
		}
		return len(names) <= MaxRecipients
	})
	switch {
	case bad:
		return nil, verdict{}, errBroken("the record of an agent")
	case len(names) == 0:
		return nil, verdict{Why: whyNobody}, nil
	case len(names) > MaxRecipients:
		return nil, verdict{Why: whyRecipients, Messages: uint64(len(names))}, nil
	}
	out := make([]target, 0, len(names))
	for _, name := range names {
		b, err := r.byName([]byte(name))
		if err != nil {
			return nil, verdict{}, err
		}
		out = append(out, target{box: b})
	}
	return out, verdict{}, nil
}

// fit leaves those with room. A message to named recipients is for all of them
// or none; of those that a topic or broadcast means, a full inbox misses it, and
// counts it.
func (r *run) fit(a *accept, targets []target, charge uint64) ([]target, uint64, verdict) {
	some := a.Flags&(acceptTopic|acceptBroadcast) != 0
	var (
		full uint64
		why  verdict
	)
	fitting := slices.DeleteFunc(targets, func(t target) bool {
		v, ok := r.room(t.box, charge)
		if !ok {
			full, why = full+1, v
			t.box.counts.Refused++
			t.box.countsChanged = true
		}
		return !ok
	})
	if full > 0 && (!some || len(fitting) == 0) {
		return nil, full, why
	}
	if v, ok := r.meshRoom(uint64(len(fitting)), charge*uint64(len(fitting))); !ok {
		return nil, full, v
	}
	return fitting, full, verdict{}
}
