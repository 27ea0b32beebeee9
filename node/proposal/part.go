package proposal

import (
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/task"
)

// PartName is the name the part is registered under.
const PartName = "proposal"

// Part is the proposals in the replicated state. The part of tasks must be
// registered too: electors' expertise is read from it.
type Part struct{ numbered.Watched[Event] }

// what the part's commands are of, for refusals.
const what = "proposals"

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Observer = (*Part)(nil)
)

// NewPart returns the part.
func NewPart() *Part { return &Part{} }

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return allTables }

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	var e numbered.Envelope
	if err := numbered.Decode(c.Body, &e, what); err != nil {
		return nil, err
	}
	m, err := loadMeta(w)
	if err != nil {
		return nil, err
	}
	s := &store{w: w, c: c, now: c.Time.UnixMilli(), m: m}
	result, err := s.execute(e)
	if err != nil {
		return nil, err
	}
	if s.m != m {
		w.Put(tableMeta, keyMeta, consensus.Encode(s.m))
	}
	p.Happened(s.events)
	return result, nil
}

func (s *store) execute(e numbered.Envelope) ([]byte, error) {
	switch e.Kind {
	case kindSubmit:
		return numbered.Run(e, what, func(b submit) ([]byte, error) {
			m, err := s.submit(b)
			return consensus.Encode(m), err
		})
	case kindVote:
		return numbered.Run(e, what, numbered.Quiet(s.vote))
	case kindTold:
		return numbered.Run(e, what, numbered.Quiet(s.told))
	case kindTick:
		return numbered.Run(e, what, numbered.Quiet(func(tick) error { return s.tick() }))
	}
	return nil, numbered.Refuse(CodeUpgradeNode, fmt.Sprintf("command %d of proposals is unknown to this version; upgrade this node", e.Kind))
}

// store is the state as one command changes it.
type store struct {
	w      consensus.Writer
	c      consensus.Command
	now    int64 // Unix ms
	m      meta
	events []Event
}

func (s *store) submit(b submit) (made, error) {
	if err := b.check(); err != nil {
		return made{}, err
	}
	counted := b.Counted && s.c.Level >= LevelShare
	if counted {
		if err := s.shareRoom(b.Proposer.Principal); err != nil {
			return made{}, err
		}
	}
	if s.m.Open >= MaxOpen {
		return made{}, numbered.Refuse(CodeFull, fmt.Sprintf("%d proposals are open, which is as many as the mesh keeps; wait until some are decided", s.m.Open), "open", fmt.Sprint(s.m.Open))
	}
	s.m.Last++
	s.m.Open++
	id := ID(s.m.Last)
	r := &record{
		State: stateNumber(Open), Kind: b.Kind, Title: b.Title, Proposer: b.Proposer, Capability: b.Capability, Quorum: b.Quorum,
		Approval: b.Approval, Created: s.now, Expires: msAfter(s.c.Time, b.ExpiryMs), Electors: len(b.Electors), Counted: counted,
	}
	s.count(r, 1)
	for _, agent := range b.Electors {
		weight := int64(Million / 2)
		if b.Capability != "" {
			weight += task.Expertise(s.w, agent, b.Capability) / 2
		}
		r.Weight += weight
		s.w.Put(tableElectors, electorKey(id, agent), consensus.Encode(ballot{Weight: weight}))
	}
	s.w.Put(tableBodies, id.Key(), b.Body)
	s.w.Put(tableStates, numbered.ByteKey(r.State, id), nil)
	s.w.Put(tableDue, numbered.TimeKey(r.Expires, id), nil)
	s.send(outRow{Proposal: id})
	s.tell(id, r, Event{Kind: "submitted"})
	s.save(id, r)
	return made{id}, nil
}

func (s *store) vote(b vote) error {
	if err := b.check(); err != nil {
		return err
	}
	r, err := load(s.w, b.Proposal)
	if err != nil {
		return err
	}
	if st := r.state(); st != Open {
		return numbered.Refuse(CodeDecided, fmt.Sprintf("proposal %s is %s: votes change nothing now", b.Proposal, st), "proposal", b.Proposal.String(), "state", string(st))
	}
	if r.Expires <= s.now && s.c.Level >= LevelInTime {
		return numbered.Refuse(CodeDecided, fmt.Sprintf("the time of proposal %s is over, and it is being decided by what was voted: votes change nothing now", b.Proposal), "proposal", b.Proposal.String(), "state", string(Open))
	}
	key := electorKey(b.Proposal, b.Agent)
	data := s.w.Get(tableElectors, key)
	if data == nil {
		return numbered.Refuse(CodeNoElector, fmt.Sprintf("%s is not among those who vote on proposal %s, who were fixed when it was made", b.Agent, b.Proposal), "proposal", b.Proposal.String(), "agent", b.Agent)
	}
	var had ballot
	if err := consensus.Decode(data, &had); err != nil {
		return err
	}
	if had.Choice == 0 {
		r.Votes++
	}
	r.count(had.Choice, -had.Weight)
	r.count(b.Choice, had.Weight)
	s.w.Put(tableElectors, key, consensus.Encode(ballot{Weight: had.Weight, Choice: b.Choice, Reason: b.Reason, By: b.By, At: s.now}))
	s.tell(b.Proposal, r, Event{Kind: "voted", Agent: b.Agent, Choice: choices[b.Choice]})
	if to := r.tally().settled(); to != "" {
		s.decide(b.Proposal, r, to)
	}
	s.save(b.Proposal, r)
	return nil
}

func (s *store) told(b told) error {
	for _, n := range b.Rows {
		s.w.Delete(tableOut, numbered.Key(n))
	}
	return nil
}

// count adds a weight to what a choice has.
func (r *record) count(choice uint8, weight int64) {
	switch choices[choice] {
	case Approve:
		r.For += weight
	case Reject:
		r.Against += weight
	case Abstain:
		r.Abstained += weight
	}
}

// decide ends a proposal. The caller saves it.
func (s *store) decide(id ID, r *record, to State) {
	s.w.Delete(tableStates, numbered.ByteKey(r.State, id))
	s.w.Delete(tableDue, numbered.TimeKey(r.Expires, id))
	r.State, r.Decided = stateNumber(to), s.now
	s.w.Put(tableStates, numbered.ByteKey(r.State, id), nil)
	s.w.Put(tableDone, numbered.TimeKey(r.Decided, id), nil)
	s.m.Open--
	s.count(r, -1)
	s.m.Decided++
	s.send(outRow{Proposal: id, Ended: true})
	s.tell(id, r, Event{Kind: string(to)})
}

func (s *store) send(o outRow) {
	s.m.LastOut++
	s.w.Put(tableOut, numbered.Key(s.m.LastOut), consensus.Encode(o))
}

func (s *store) tell(id ID, r *record, e Event) {
	e.Proposal, e.Revision, e.Time, e.State, e.Topic, e.Title = id, s.c.Revision, s.c.Time.UTC(), r.state(), r.Kind, r.Title
	s.events = append(s.events, e)
}

func (s *store) save(id ID, r *record) {
	r.Revision = s.c.Revision
	s.w.Put(tableProposals, id.Key(), consensus.Encode(r))
}

// tickWork bounds what one tick ends, and what it forgets.
const tickWork = 64

// tick ends what has expired and forgets what was decided long ago.
func (s *store) tick() error {
	for range tickWork {
		k, _ := consensus.First(s.w, tableDue, nil)
		if k == nil || numbered.TimeOf(k) > s.now {
			break
		}
		id := numbered.IDOf(k)
		r, err := load(s.w, id)
		if err != nil {
			return err
		}
		s.decide(id, r, r.tally().ended())
		s.save(id, r)
	}
	for range tickWork / 8 {
		k, _ := consensus.First(s.w, tableDone, nil)
		if k == nil || numbered.TimeOf(k) > s.now-KeepDecided.Milliseconds() && s.m.Decided <= MaxDecided {
			break
		}
		if err := s.forget(numbered.IDOf(k)); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) forget(id ID) error {
	r, err := load(s.w, id)
	if err != nil {
		return err
	}
	votes, err := electors(s.w, id)
	if err != nil {
		return err
	}
	for _, v := range votes {
		s.w.Delete(tableElectors, electorKey(id, v.Agent))
	}
	s.w.Delete(tableProposals, id.Key())
	s.w.Delete(tableBodies, id.Key())
	s.w.Delete(tableStates, numbered.ByteKey(r.State, id))
	s.w.Delete(tableDone, numbered.TimeKey(r.Decided, id))
	s.m.Decided--
	return nil
}

// pending says whether a tick would find work.
func pending(r consensus.Reader, now time.Time) (bool, error) {
	ms := now.UnixMilli()
	if k, _ := consensus.First(r, tableDue, nil); k != nil && numbered.TimeOf(k) <= ms {
		return true, nil
	}
	m, err := loadMeta(r)
	k, _ := consensus.First(r, tableDone, nil)
	return m.Decided > MaxDecided || k != nil && numbered.TimeOf(k) <= ms-KeepDecided.Milliseconds(), err
}
