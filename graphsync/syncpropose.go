package graphsync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// pushBytes is how much of a push goes into one command, about.
const pushBytes = 2 << 20

// pushable are the verbs of mutations.
var pushable = map[string]bool{OpCreateNode: true, OpUpsertNode: true, OpUpdateNode: true, OpDeleteNode: true,
	OpCreateEdge: true, OpUpsertEdge: true, OpUpdateEdge: true, OpDeleteEdge: true, OpAddObservation: true,
	OpDeleteObservation: true, OpAddAlias: true, OpRemoveAlias: true, OpMergeNodes: true}

// Push applies what a client did while it was cut off, each mutation once
// however often it is pushed, in order. A mutation that is refused or at odds
// with the graph does not hold up those behind it. A gap before the first is
// refused as SEQ_GAP with the mutation that is expected.
//
// The sequence is the client's idempotency key: wo should have none.
func (y Sync) Push(ctx context.Context, wo WriteOptions, in Push) (PushAnswer, consensus.Outcome, error) {
	answer := PushAnswer{Results: []MutationResult{}}
	base, r := y.checkPush(&in)
	if r != nil {
		return answer, consensus.Outcome{}, r
	}
	prepared := make([]preparedMutation, len(in.Mutations))
	for i := range in.Mutations {
		prepared[i] = prepareMutation(&in.Mutations[i])
	}
	var out consensus.Outcome
	for from := 0; from < len(prepared); {
		to, size := from, 0
		for to < len(prepared) && (to == from || size < pushBytes) {
			size += prepared[to].size()
			to++
		}
		part := pushPart{Client: in.ClientID, First: in.Mutations[from].Seq, Base: base, Heads: make([]pushHead, 0, to-from)}
		cmd := command{Namespace: in.Namespace, Ops: make([]op, 0, to-from), Push: &part}
		for _, m := range prepared[from:to] {
			cmd.Ops, part.Heads = append(cmd.Ops, m.op), append(part.Heads, m.head)
		}
		res, now, err := y.s.propose(ctx, WriteOptions{Author: wo.Author}, cmd)
		if err != nil {
			if from == 0 {
				return answer, now, err
			}
			answer.stop(err)
			break
		}
		out = now
		for i := range res.Push.Outcomes {
			answer.Results = append(answer.Results, res.Push.Outcomes[i].result(in.Mutations[from+i].Seq, prepared[from+i].refused))
		}
		answer.LastSeq, answer.Revision = res.Push.Last, now.Revision
		if res.Push.Stopped != "" {
			answer.Stopped = res.Push.Stopped
			answer.Message = fmt.Sprintf("the namespace has as many open conflicts as it may: resolve some, and push again from %d", res.Push.Last+1)
			break
		}
		if len(res.Push.Outcomes) == 0 {
			return answer, out, errors.New("the graph took none of the mutations")
		}
		from += len(res.Push.Outcomes) // a command may be full before its end
	}
	return answer, out, y.s.current(ctx, in.Namespace, &answer)
}

// checkPush checks what is said of all mutations and returns the base.
func (y Sync) checkPush(in *Push) (base uint64, r *consensus.Refusal) {
	if r := checkNamespace(in.Namespace); r != nil {
		return 0, r
	}
	if r := checkText("client_id", in.ClientID, 1, MaxClientID); r != nil {
		return 0, r
	}
	base = in.BaseRevision
	if in.BaseToken != "" {
		if base != 0 {
			return 0, invalid("base_token", "must not be given beside base_revision")
		}
		t, r := y.ownToken(in.BaseToken)
		if r != nil {
			r.Details["field"] = "base_token"
			return 0, r
		}
		base = t.at.whole()
	}
	switch {
	case len(in.Mutations) == 0:
		return 0, invalid("mutations", "must not be empty")
	case len(in.Mutations) > MaxPush:
		return 0, refuse(CodeTooLarge, "mutations", "there are %d mutations, at most %d are allowed", len(in.Mutations), MaxPush)
	case in.Mutations[0].Seq == 0:
		return 0, invalid("seq", "must be 1 or more")
	}
	for i := range in.Mutations[1:] {
		if want := in.Mutations[i].Seq + 1; in.Mutations[i+1].Seq != want || want == 0 {
			r := refuse(CodeSeqGap, "seq", "mutation %d follows %d", in.Mutations[i+1].Seq, in.Mutations[i].Seq)
			r.Details["expected"] = itoa(want)
			return 0, r
		}
	}
	return base, nil
}

// preparedMutation is a mutation as it is replicated.
type preparedMutation struct {
	op      op
	head    pushHead
	refused *consensus.Refusal
}

func (m *preparedMutation) size() int {
	o := &m.op
	return 128 + len(o.Props) + len(o.Text) + len(o.Key) + len(o.Norm) + len(o.Label) + len(o.Name) + len(o.SourceKey) + len(o.TargetKey) + len(o.Predicate) + len(o.From)
}

func prepareMutation(in *Mutation) preparedMutation {
	m := preparedMutation{head: pushHead{Base: in.BaseRevision, IfRev: in.IfRev, Cascade: in.Cascade}}
	if in.At != nil && !in.At.Before(firstTime) && !in.At.After(lastTime) {
		m.head.At = in.At.UnixMilli()
	}
	o, r := in.prepare(&m.head)
	if r != nil {
		m.refused = r
		m.head = pushHead{Code: r.Code, Field: r.Details["field"]}
		return m
	}
	m.op = o
	return m
}

// prepare checks the operation of a mutation. What is named by the number of an
// earlier mutation is filled in by Apply.
func (m *Mutation) prepare(head *pushHead) (op, *consensus.Refusal) {
	if !pushable[m.Op.Op] {
		return op{}, invalid("op", "%q cannot be pushed", clipped(m.Op.Op))
	}
	if m.IfVersion != 0 {
		return op{}, invalid("if_version", "is not taken by a mutation: give if_rev")
	}
	if m.Cascade && m.Op.Op != OpDeleteNode {
		return op{}, invalid("cascade", "is taken by delete_node only")
	}
	in := m.Op
	nodeRef := &head.SourceRef
	if m.Op.Op == OpAddObservation {
		nodeRef = &head.Ref
	}
	for _, ref := range []struct {
		seq   uint64
		field string
		to    *uint64
		id    *uint64
	}{
		{m.Ref, "ref", &head.Ref, &in.ID},
		{m.SourceRef, "source_ref", &head.SourceRef, &in.SourceID},
		{m.TargetRef, "target_ref", &head.TargetRef, &in.TargetID},
		{m.NodeRef, "node_ref", nodeRef, &in.NodeID},
	} {
		if ref.seq == 0 {
			continue
		}
		if m.Op.Op == OpAddObservation && ref.field == "node_ref" {
			ref.id = &in.ID
		}
		if *ref.id != 0 || *ref.to != 0 {
			return op{}, invalid(ref.field, "must not be given beside an id")
		}
		*ref.to, *ref.id = ref.seq, 1 // stands for the id
	}
	out, r := prepare(&in)
	if r != nil {
		return op{}, r
	}
	if head.Ref != 0 {
		out.ID = 0
	}
	if head.SourceRef != 0 {
		out.Source = 0
	}
	if head.TargetRef != 0 {
		out.Target = 0
	}
	return out, nil
}

// result is an outcome as it is answered. Refused is what the proposer found
// wrong with the mutation.
func (o *outcome) result(seq uint64, refused *consensus.Refusal) MutationResult {
	out := MutationResult{Seq: seq, ID: o.ID, Version: o.Version, Fields: o.Fields, ConflictID: o.Conflict, Repeated: o.Repeated,
		Code: o.Code, Field: o.Field, Message: o.Message}
	if int(o.Status) < len(pushStatuses) {
		out.Status = pushStatuses[o.Status]
	}
	if int(o.Reason) < len(reasons) {
		out.Reason = reasons[o.Reason]
	}
	if refused != nil && o.Code == refused.Code && out.Message == "" {
		out.Message = refused.Sentence
	}
	return out
}

func (a *PushAnswer) stop(err error) {
	a.Stopped, a.Message = StoppedUnknown, "the outcome of the others is not known: push them again"
	var no *consensus.Refusal
	if errors.As(err, &no) {
		a.Stopped, a.Message = no.Code, no.Sentence
	}
}

// maxCurrent bounds the things that an answer shows for its conflicts.
const maxCurrent = 1 << 20

// current adds to each conflict the thing as it is now, and what is known of it
// by its record only.
func (s *Service) current(ctx context.Context, namespace string, a *PushAnswer) error {
	some := false
	for i := range a.Results {
		some = some || a.Results[i].Status == PushConflict && a.Results[i].ID != 0
	}
	if !some {
		return nil
	}
	left := maxCurrent
	_, err := s.read(context.WithoutCancel(ctx), consensus.ReadOptions{}, func(v *view) error {
		ns := v.namespace(namespace)
		for i := range a.Results {
			res := &a.Results[i]
			if res.Status != PushConflict || res.ID == 0 || left <= 0 {
				continue
			}
			var err error
			if res.Current, err = v.thing(ns, res.ID); err != nil {
				return err
			}
			left -= len(res.Current)
			if res.Fields == nil && res.ConflictID != 0 {
				rec, _, ok, err := v.conflictAt(ns, res.ConflictID)
				if err != nil {
					return err
				}
				if ok {
					res.Fields = rec.Fields
				}
			}
		}
		return nil
	})
	return err
}

// thing is the JSON of the node, edge or observation with an id that the view
// shows, nil where there is none in the namespace.
func (v *view) thing(ns nsID, id uint64) (json.RawMessage, error) {
	if in, _, ok := v.everNode(id); ok {
		n, ok, err := v.seeNode(in, id)
		if err != nil || !ok || in != ns {
			return nil, err
		}
		out, err := v.toNode(in, id, &n)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
	if at, ok := v.obsPlace(id); ok {
		o, ok, err := v.obsAt(at)
		if err != nil || !ok || at.ns != ns {
			return nil, err
		}
		return v.eventObservation(at, &o)
	}
	at, e, ok, err := v.seeEdge(id)
	if err != nil || !ok || at.ns != ns {
		return nil, err
	}
	return v.eventEdge(at, &e)
}
