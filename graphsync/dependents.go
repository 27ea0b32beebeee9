package graphsync

// dependents are what ends with a node, beside its vectors.
type dependents struct {
	edges []triple
	said  []obsPlace
}

func (d *dependents) len() int { return len(d.edges) + len(d.said) }

// dependentsOf returns up to limit of a node's edges and observations, and
// whether there are more.
func (t *tx) dependentsOf(ns nsID, id uint64, limit int) (d dependents, more bool) {
	if d.edges, more = t.edgesOf(ns, id, limit); more {
		return d, more
	}
	d.said, more = t.observationsOf(ns, id, limit-len(d.edges))
	return d, more
}

// endDependents ends what dependentsOf found.
func (t *tx) endDependents(d *dependents, how ending) error {
	t.changed = t.changed || d.len() > 0
	t.cascade += d.len()
	for _, at := range d.edges {
		if err := t.dropEdge(at, how); err != nil {
			return err
		}
	}
	return t.endObservationsOf(d.said, how)
}
