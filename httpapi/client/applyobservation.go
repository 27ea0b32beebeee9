package client

import (
	"fmt"
	"time"

	"github.com/meshd/meshd/graphsync"
)

func (v view) addObservation(op *graphsync.Op, own uint64, now time.Time) (uint64, error) {
	if op.Text == "" {
		return 0, fmt.Errorf("%w: an observation has a text", ErrInvalid)
	}
	n, err := v.find(op.ID, op.Key)
	if err != nil {
		return 0, err
	}
	observations, err := observationsAt(v, n.ID)
	if err != nil {
		return 0, err
	}
	for _, o := range observations {
		if o.Text == op.Text {
			return o.ID, nil
		}
	}
	o := &graphsync.Observation{ID: own, NodeID: n.ID, Text: op.Text, CreatedAt: now}
	if len(op.Properties) > 0 {
		o.Properties = object(op.Properties)
	}
	provide(&o.Provenance, op)
	v.putObservation(o)
	return own, nil
}

func (v view) deleteObservation(op *graphsync.Op) (uint64, error) {
	if op.ID != 0 {
		if _, err := v.observation(op.ID); err != nil {
			return op.ID, ignored(err)
		}
		v.observations[op.ID] = nil
		return op.ID, nil
	}
	n, err := v.find(op.NodeID, op.Key)
	if err != nil {
		return 0, ignored(err)
	}
	observations, err := observationsAt(v, n.ID)
	for _, o := range observations {
		if o.Text == op.Text {
			v.observations[o.ID] = nil
			return o.ID, nil
		}
	}
	return 0, err
}
