package mcp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// batch applies operations, all or none. While nobody can say what became of
// them it asks again under the same idempotency key, until ctx ends: a leader
// that dies in the midst costs time, never a second effect.
func (s *Server) batch(ctx context.Context, c Call, ops []graphsync.Op) ([]graphsync.OpResult, consensus.Outcome, error) {
	spelled, err := json.Marshal(ops)
	if err != nil {
		return nil, consensus.Outcome{}, fmt.Errorf("writing the operations: %w", err)
	}
	wo := graphsync.WriteOptions{Author: c.Caller, Idempotency: &consensus.IdempotencyKey{
		Scope: "mcp " + c.Caller, Key: rand.Text(), BodyHash: sha256.Sum256(spelled)}}
	var res []graphsync.OpResult
	var out consensus.Outcome
	err = patiently(ctx, func() (err error) {
		res, out, err = s.graph.Batch(ctx, wo, c.Namespace, ops)
		return err
	})
	if err == nil {
		s.saw(out.Revision)
	}
	return res, out, err
}

// saw makes searches wait for a revision.
func (s *Server) saw(revision uint64) {
	for old := s.wrote.Load(); old < revision && !s.wrote.CompareAndSwap(old, revision); old = s.wrote.Load() {
	}
}

// patiently asks until the answer is not one that may be gone soon.
func patiently(ctx context.Context, ask func() error) error {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := ask()
		if err == nil || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// passing says that an error may be gone soon.
func passing(err error) bool {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code == "IDEMPOTENCY_IN_FLIGHT"
	}
	return errors.Is(err, consensus.ErrUnknown) || errors.Is(err, consensus.ErrNoLeader) || errors.Is(err, consensus.ErrOverloaded)
}

// refused returns the refusal in an error if it has one of the codes, and which
// operation it is about (-1: none).
func refused(err error, codes ...string) (r *consensus.Refusal, op int) {
	if !errors.As(err, &r) {
		return nil, -1
	}
	for _, code := range codes {
		if r.Code == code {
			if op, err := strconv.Atoi(r.Details["op"]); err == nil {
				return r, op
			}
			return r, -1
		}
	}
	return nil, -1
}

// now reads what every write acknowledged anywhere has left.
var now = consensus.ReadOptions{Consistency: consensus.Linearizable}

// node finds a node by name; ok is false where there is none.
func (s *Server) node(ctx context.Context, ro consensus.ReadOptions, c Call, name string) (n graphsync.Node, ok bool, err error) {
	err = patiently(ctx, func() (err error) {
		n, _, err = s.graph.GetNodeByKey(ctx, ro, c.Namespace, name)
		return err
	})
	if r, _ := refused(err, graphsync.CodeNotFound, graphsync.CodeInvalid); r != nil {
		return n, false, nil
	}
	return n, err == nil, err
}

// maxRounds bounds how often a write is tried anew because others wrote at the
// same time.
const maxRounds = 20

var errContended = said{"others are writing the same entities at this moment: try again"}

// checkName refuses a name that cannot be a key, in words that say where it is.
func checkName(where, name string) error {
	switch {
	case len(name) > graphsync.MaxKey:
		return said{fmt.Sprintf("%s has %d bytes, at most %d are allowed: use a short name and put the rest into observations", where, len(name), graphsync.MaxKey)}
	case graphsync.NormalKey(name) == "":
		return said{where + " must not be blank"}
	}
	return nil
}
