package client

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/meshd/meshd/graphsync"
)

// The file. Numbers in keys are big-endian, 8 bytes. Things lie in a bucket of
// a generation, so that a new snapshot is read beside the old one and takes its
// place in one transaction.
var (
	bktMeta    = []byte("meta")    // "state" → storeState
	bktQueue   = []byte("queue")   // seq → graphsync.Mutation, whose ids may be local
	bktIDs     = []byte("ids")     // seq → id of what the mutation made
	bktSettled = []byte("settled") // seq → Problem

	keyState = []byte("state")

	bktNodes          = []byte("n")  // id → Node
	bktKeys           = []byte("k")  // normalised key → id
	bktEdges          = []byte("e")  // id → Edge
	bktEnds           = []byte("en") // node edge → empty
	bktObservations   = []byte("o")  // id → Observation
	bktObservationsOf = []byte("on") // node observation → empty
	inGeneration      = [][]byte{bktNodes, bktKeys, bktEdges, bktEnds, bktObservations, bktObservationsOf}
)

// storeFormat is the only one so far; a file of another is refused.
const storeFormat = 1

// storeState is what the file says of itself.
type storeState struct {
	Format    int    `json:"format"`
	Namespace string `json:"namespace"`
	ClientID  string `json:"client_id"`
	// NextSeq is the seq of the next mutation; it is given once.
	NextSeq uint64 `json:"next_seq"`
	// Generation holds the things as of Revision, Token is where their changes
	// go on; empty: no snapshot has been taken yet. Stale says that the mesh no
	// longer keeps those changes, so that a snapshot is due.
	Generation uint64 `json:"generation"`
	Token      string `json:"token,omitempty"`
	Revision   uint64 `json:"revision,omitempty"`
	Stale      bool   `json:"stale,omitempty"`
	// Coming is the snapshot that is being read, nil: none.
	Coming *coming `json:"coming,omitempty"`
	// Sent is the last seq that may have reached the mesh, Answered the last that
	// it has answered. Dropped is the last that is no longer in the queue, because
	// its effect has come back: that is so from the revision Barrier on.
	Sent     uint64 `json:"sent,omitempty"`
	Answered uint64 `json:"answered,omitempty"`
	Dropped  uint64 `json:"dropped,omitempty"`
	Barrier  uint64 `json:"barrier,omitempty"`
	// Offset is what seqs have to lose to be those of the client that the mesh
	// knows.
	Offset uint64 `json:"offset,omitempty"`
}

type coming struct {
	Generation uint64 `json:"generation"`
	Revision   uint64 `json:"revision"`
	Cursor     string `json:"cursor"`
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func pair(a, b uint64) []byte { return binary.BigEndian.AppendUint64(number(a), b) }

func generation(n uint64) []byte { return append([]byte("g"), number(n)...) }

func readState(tx *bbolt.Tx) (s storeState, err error) {
	err = json.Unmarshal(tx.Bucket(bktMeta).Get(keyState), &s)
	return s, err
}

func putJSON(b *bbolt.Bucket, key []byte, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

func writeState(tx *bbolt.Tx, s *storeState) error { return putJSON(tx.Bucket(bktMeta), keyState, s) }

// stored is a generation in a transaction. It implements things.
type stored struct{ bkt, ids *bbolt.Bucket }

// openStored returns a generation; it must be there.
func openStored(tx *bbolt.Tx, gen uint64) stored {
	return stored{tx.Bucket(generation(gen)), tx.Bucket(bktIDs)}
}

func makeStored(tx *bbolt.Tx, gen uint64) (stored, error) {
	b, err := tx.CreateBucketIfNotExists(generation(gen))
	for _, name := range inGeneration {
		if err == nil {
			_, err = b.CreateBucketIfNotExists(name)
		}
	}
	return stored{b, tx.Bucket(bktIDs)}, err
}

func (s stored) idOf(seq uint64) uint64 {
	if id := s.ids.Get(number(seq)); len(id) == 8 {
		return binary.BigEndian.Uint64(id)
	}
	return 0
}

func load[T any](s stored, bucket []byte, id uint64) (*T, error) {
	text := s.bkt.Bucket(bucket).Get(number(id))
	if text == nil {
		return nil, ErrNotFound
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return out, nil
}

// ErrDamaged says that a replica's file is not as it was written.
var ErrDamaged = errors.New("the replica is damaged")

func (s stored) node(id uint64) (*graphsync.Node, error) {
	return load[graphsync.Node](s, bktNodes, id)
}
func (s stored) edge(id uint64) (*graphsync.Edge, error) {
	return load[graphsync.Edge](s, bktEdges, id)
}
func (s stored) observation(id uint64) (*graphsync.Observation, error) {
	return load[graphsync.Observation](s, bktObservations, id)
}

func (s stored) byKey(norm string) (uint64, error) {
	if norm == "" {
		return 0, nil
	}
	if v := s.bkt.Bucket(bktKeys).Get([]byte(norm)); len(v) == 8 {
		return binary.BigEndian.Uint64(v), nil
	}
	return 0, nil
}

func (s stored) edgesOf(node uint64) ([]uint64, error) { return s.second(bktEnds, node), nil }
func (s stored) observationsOf(node uint64) ([]uint64, error) {
	return s.second(bktObservationsOf, node), nil
}

// second are the second halves of the keys that begin with a number.
func (s stored) second(bucket []byte, first uint64) (out []uint64) {
	c := s.bkt.Bucket(bucket).Cursor()
	for k, _ := c.Seek(pair(first, 0)); len(k) == 16 && binary.BigEndian.Uint64(k) == first; k, _ = c.Next() {
		out = append(out, binary.BigEndian.Uint64(k[8:]))
	}
	return out
}

// set takes over a thing as the mesh has it.
func (s stored) set(kind string, id uint64, text json.RawMessage) error {
	if err := s.drop(kind, id); err != nil {
		return err
	}
	put := func(bucket, key, value []byte) error { return s.bkt.Bucket(bucket).Put(key, value) }
	switch kind {
	case graphsync.EntityNode:
		var n graphsync.Node
		if err := json.Unmarshal(text, &n); err != nil {
			return err
		}
		for _, norm := range keysOf(&n) {
			if err := put(bktKeys, []byte(norm), number(id)); err != nil {
				return err
			}
		}
		return put(bktNodes, number(id), text)
	case graphsync.EntityEdge:
		var e graphsync.Edge
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		return errors.Join(put(bktEdges, number(id), text), put(bktEnds, pair(e.SourceID, id), nil), put(bktEnds, pair(e.TargetID, id), nil))
	case graphsync.EntityObservation:
		var o graphsync.Observation
		if err := json.Unmarshal(text, &o); err != nil {
			return err
		}
		return errors.Join(put(bktObservations, number(id), text), put(bktObservationsOf, pair(o.NodeID, id), nil))
	}
	return nil
}

// drop forgets a thing that may be there.
func (s stored) drop(kind string, id uint64) error {
	del := func(bucket, key []byte) error { return s.bkt.Bucket(bucket).Delete(key) }
	switch kind {
	case graphsync.EntityNode:
		n, err := s.node(id)
		if err != nil {
			return ignored(err)
		}
		for _, norm := range keysOf(n) {
			if holder, _ := s.byKey(norm); holder != id {
				continue // it has passed to another in the meantime
			}
			if err := del(bktKeys, []byte(norm)); err != nil {
				return err
			}
		}
		return del(bktNodes, number(id))
	case graphsync.EntityEdge:
		e, err := s.edge(id)
		if err != nil {
			return ignored(err)
		}
		return errors.Join(del(bktEdges, number(id)), del(bktEnds, pair(e.SourceID, id)), del(bktEnds, pair(e.TargetID, id)))
	case graphsync.EntityObservation:
		o, err := s.observation(id)
		if err != nil {
			return ignored(err)
		}
		return errors.Join(del(bktObservations, number(id)), del(bktObservationsOf, pair(o.NodeID, id)))
	}
	return nil
}

// take applies an event. What only says that something changed is looked up by
// fetch, which returns nil for what is gone.
func (s stored) take(e *graphsync.Event, fetch func(*graphsync.Event) (json.RawMessage, error)) error {
	switch e.EntityType {
	case graphsync.EntityNode, graphsync.EntityEdge, graphsync.EntityObservation:
	default:
		return nil
	}
	data := e.Data
	if e.Omitted && !ends(e.Operation) {
		var err error
		if data, err = fetch(e); err != nil {
			return err
		}
	}
	if data == nil || ends(e.Operation) {
		return s.drop(e.EntityType, e.EntityID)
	}
	return s.set(e.EntityType, e.EntityID, data)
}

func ends(operation string) bool {
	return slices.Contains([]string{graphsync.OperationDelete, graphsync.OperationMerge, graphsync.OperationExpire, graphsync.OperationErase}, operation)
}
