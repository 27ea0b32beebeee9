package graphsync

import "github.com/meshd/meshd/consensus"

// takeFields compares what the mutation gives with what is there, and writes what
// may be written by the policy.
func (p *pushing) takeFields(l *lineage, c clash, version uint64, props []byte, moved bool, write func(set []want, props []byte) (opResult, *consensus.Refusal, error)) (outcome, error) {
	var believed map[string]string
	if p.op.replaces() {
		believed = l.believed()
	}
	wants, err := wanted(p.op, believed)
	if err != nil {
		return outcome{}, err
	}
	free, touched := l.compare(wants)
	status := pushApplied
	if moved || l.others() {
		status = pushRebased
	}
	policy := p.policy
	if p.force {
		policy = policyLast
	}
	var kept []want
	if len(touched) > 0 {
		c.fields, c.reason = fieldsOf(touched), reasonChanged
		switch policy {
		case policyLast:
			free = append(free, touched...)
		case policyBoth:
			if r := p.roomForConflict(); r != nil {
				return outcome{}, r
			}
			c.reason = reasonKeptBoth
			kept = siblings(touched, p.meta.NextID)
		default:
			return p.conflict(c)
		}
	}
	after, err := setMembers(props, append(free[:len(free):len(free)], kept...))
	if err != nil {
		return outcome{}, err
	}
	if len(after) > MaxProperties {
		if kept == nil {
			return outcome{ID: c.thing}, invalid("properties", "have %d bytes with these, at most %d are allowed", len(after), MaxProperties)
		}
		c.reason = reasonChanged
		return p.conflict(c)
	}
	if len(free)+len(kept) == 0 {
		return outcome{Status: status, ID: c.thing, Version: version}, nil
	}
	id := uint64(0)
	if kept != nil {
		id = p.nextID() // which the siblings are named by
	}
	res, r, err := write(free, after)
	if r != nil {
		if kept != nil {
			p.meta.NextID = id
		}
		return outcome{ID: c.thing}, r
	}
	if err != nil || kept == nil {
		return outcome{Status: status, ID: c.thing, Version: res.Version}, err
	}
	c.id = id
	out, err := p.conflict(c)
	out.Version = res.Version
	return out, err
}
