package client

import (
	"encoding/binary"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// look reads what the replica shows.
func (o *Offline) look(read func(v view) error) error {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.db.View(func(tx *bbolt.Tx) error { return read(view{openStored(tx, o.state.Generation), o.over}) })
}

// Node returns the node with an id, which may be a local one.
func (o *Offline) Node(id uint64) (n graphsync.Node, err error) {
	err = o.look(func(v view) error { return o.show(&n, v.node, v.now(id)) })
	return n, err
}

func (o *Offline) show(out *graphsync.Node, from func(uint64) (*graphsync.Node, error), id uint64) error {
	n, err := from(id)
	if err == nil {
		*out = *n
		out.SessionID = o.ns
	}
	return err
}

// NodeByKey returns the node that has a key or alias.
func (o *Offline) NodeByKey(key string) (n graphsync.Node, err error) {
	err = o.look(func(v view) error {
		return o.show(&n, func(uint64) (*graphsync.Node, error) { return v.find(0, key) }, 0)
	})
	return n, err
}

// Nodes returns up to limit nodes whose ids are above after, by id; those that
// the mesh does not know yet come last.
func (o *Offline) Nodes(after uint64, limit int) (out []graphsync.Node, err error) {
	err = o.look(func(v view) error {
		var own []uint64
		for id, n := range v.nodes {
			if id > after && n != nil {
				own = append(own, id)
			}
		}
		slices.Sort(own)
		take := func(id uint64) error {
			var n graphsync.Node
			err := o.show(&n, v.node, id)
			if err == nil {
				out = append(out, n)
			}
			return ignored(err)
		}
		c := v.base.(stored).bkt.Bucket(bktNodes).Cursor()
		k, _ := c.Seek(number(after + 1))
		for len(out) < limit && (len(own) > 0 || k != nil) {
			var id uint64
			if k == nil || len(own) > 0 && own[0] <= binary.BigEndian.Uint64(k) {
				id, own = own[0], own[1:]
			} else {
				id = binary.BigEndian.Uint64(k)
			}
			if k != nil && binary.BigEndian.Uint64(k) == id {
				k, _ = c.Next()
			}
			if err := take(id); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Edge returns the edge with an id, which may be a local one.
func (o *Offline) Edge(id uint64) (out graphsync.Edge, err error) {
	err = o.look(func(v view) error {
		e, err := v.edge(v.now(id))
		if err == nil {
			out = *e
			out.SessionID = o.ns
		}
		return err
	})
	return out, err
}

// EdgesOf returns the edges that a node has, in either direction, by id.
func (o *Offline) EdgesOf(node uint64) (out []graphsync.Edge, err error) {
	err = o.look(func(v view) error {
		edges, err := edgesAt(v, v.now(node))
		for _, e := range edges {
			e.SessionID = o.ns
			out = append(out, *e)
		}
		return err
	})
	return out, err
}

// Observation returns the observation with an id, which may be a local one.
func (o *Offline) Observation(id uint64) (out graphsync.Observation, err error) {
	err = o.look(func(v view) error {
		found, err := v.observation(v.now(id))
		if err == nil {
			out = *found
			out.SessionID = o.ns
		}
		return err
	})
	return out, err
}

// ObservationsOf returns what was observed of a node, by id.
func (o *Offline) ObservationsOf(node uint64) (out []graphsync.Observation, err error) {
	err = o.look(func(v view) error {
		observations, err := observationsAt(v, v.now(node))
		for _, s := range observations {
			s.SessionID = o.ns
			out = append(out, *s)
		}
		return err
	})
	return out, err
}
