package proposal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/task"
)

// Config is what a Service is built from. State and Part are required.
type Config struct {
	State consensus.State
	Part  *Part
	// Level is the command level in force; below Level nothing is proposed.
	// Nil: Level.
	Level func() uint32
	// Whole says that a principal may have as many open as there is room for, and
	// not its share. nil: none may.
	Whole func(principal string) bool
	// Known returns the agents that vote where a proposal names none.
	Known func(ctx context.Context) ([]string, error)
	// Reaches says why an agent can never be told of a proposal. nil: each can be.
	Reaches func(agent string) error
	Logger  *slog.Logger // nil: none
}

// Service is the proposals as the packages above use them. A "no" is a
// *consensus.Refusal with one of this package's codes; other errors are those
// of consensus. Who may propose and vote as which agent is the caller's to
// check. Safe for concurrent use.
type Service struct{ cfg Config }

// NewService returns the service over a state that has the part.
func NewService(cfg Config) *Service {
	if cfg.Level == nil {
		cfg.Level = func() uint32 { return Level }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg}
}

func (s *Service) propose(ctx context.Context, k numbered.Kind, body any, idem *consensus.IdempotencyKey) (consensus.Outcome, error) {
	if s.cfg.Level() < Level {
		return consensus.Outcome{}, numbered.Refuse(CodeOlderNodes, "proposals need a software that not every node of this mesh runs: `meshd members` shows the versions")
	}
	return s.cfg.State.Propose(ctx, consensus.Proposal{Part: PartName, Body: numbered.Command(k, body), Idempotency: idem})
}

// NewProposal is what Submit takes; Kind is required.
type NewProposal struct {
	Proposer   task.Party
	Kind       string
	Title      string
	Body       json.RawMessage
	Capability string
	// Quorum and Approval are in millionths; 0: half.
	Quorum, Approval int64
	Expiry           time.Duration // 0: DefaultExpiry
	// Electors may vote; none: the agents known now.
	Electors    []string
	Idempotency *consensus.IdempotencyKey
}

// Submit opens a proposal and fixes who votes.
func (s *Service) Submit(ctx context.Context, n NewProposal) (Proposal, consensus.Outcome, error) {
	b := submit{
		Kind: n.Kind, Title: n.Title, Body: n.Body, Proposer: n.Proposer, Capability: n.Capability,
		Quorum: n.Quorum, Approval: n.Approval, ExpiryMs: n.Expiry.Milliseconds(), Electors: slices.Clone(n.Electors),
		Counted: s.cfg.Level() >= LevelShare && n.Proposer.Principal != "" && (s.cfg.Whole == nil || !s.cfg.Whole(n.Proposer.Principal)),
	}
	if b.Body == nil {
		b.Body = []byte("null")
	}
	if b.Quorum == 0 {
		b.Quorum = Million / 2
	}
	if b.Approval == 0 {
		b.Approval = Million / 2
	}
	if n.Expiry == 0 {
		b.ExpiryMs = DefaultExpiry.Milliseconds()
	}
	if len(b.Electors) == 0 && s.cfg.Known != nil {
		known, err := s.cfg.Known(ctx)
		if err != nil {
			return Proposal{}, consensus.Outcome{}, err
		}
		b.Electors = known
	}
	slices.Sort(b.Electors)
	b.Electors = slices.Compact(b.Electors)
	if err := b.check(); err != nil {
		return Proposal{}, consensus.Outcome{}, err // not worth a line in the log
	}
	for _, elector := range b.Electors {
		if s.cfg.Reaches == nil {
			break
		}
		if err := s.cfg.Reaches(elector); err != nil {
			return Proposal{}, consensus.Outcome{}, err
		}
	}
	out, err := s.propose(ctx, kindSubmit, b, n.Idempotency)
	if err != nil {
		return Proposal{}, out, err
	}
	var m made
	if err := consensus.Decode(out.Result, &m); err != nil {
		return Proposal{}, out, err
	}
	p, _, err := s.Get(ctx, m.Proposal, consensus.ReadOptions{})
	return p, out, err
}

// Vote records an elector's vote, or changes it. by is the principal.
func (s *Service) Vote(ctx context.Context, id ID, agent string, c Choice, reason, by string, idem *consensus.IdempotencyKey) (Proposal, consensus.Outcome, error) {
	b := vote{Proposal: id, Agent: agent, Choice: uint8(max(slices.Index(choices, c), 0)), Reason: reason, By: by}
	if err := b.check(); err != nil {
		return Proposal{}, consensus.Outcome{}, err
	}
	out, err := s.propose(ctx, kindVote, b, idem)
	if err != nil {
		return Proposal{}, out, err
	}
	p, _, err := s.Get(ctx, id, consensus.ReadOptions{})
	return p, out, err
}

// Get returns a proposal with its body.
func (s *Service) Get(ctx context.Context, id ID, o consensus.ReadOptions) (p Proposal, info consensus.ReadInfo, err error) {
	info, err = s.cfg.State.View(ctx, o, func(r consensus.Reader) error {
		rec, err := load(r, id)
		if err != nil {
			return err
		}
		p = rec.proposal(id)
		p.Body = body(r, id)
		return nil
	})
	return p, info, err
}

// Votes returns who may vote on a proposal, in order of name, with their votes.
func (s *Service) Votes(ctx context.Context, id ID, o consensus.ReadOptions) (votes []Vote, info consensus.ReadInfo, err error) {
	info, err = s.cfg.State.View(ctx, o, func(r consensus.Reader) error {
		if _, err := load(r, id); err != nil {
			return err
		}
		votes, err = electors(r, id)
		return err
	})
	return votes, info, err
}

// Bounds of a page.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// ListOptions chooses proposals; what is empty chooses all.
type ListOptions struct {
	State State
	Kind  string
	// Before goes on after a page: proposals older than this one.
	Before ID
	Limit  int // 0: DefaultPage
	Read   consensus.ReadOptions
}

// Page is proposals without their bodies, newest first.
type Page struct {
	Proposals []Proposal
	// Next is what Before takes for the next page; 0 at the end.
	Next ID
}

// List returns a page of proposals.
func (s *Service) List(ctx context.Context, o ListOptions) (p Page, info consensus.ReadInfo, err error) {
	if o.Limit <= 0 {
		o.Limit = DefaultPage
	}
	o.Limit = min(o.Limit, MaxPage)
	info, err = s.cfg.State.View(ctx, o.Read, func(r consensus.Reader) error {
		p = Page{Proposals: []Proposal{}}
		table, prefix := tableProposals, []byte(nil)
		if o.State != "" {
			table, prefix = tableStates, []byte{stateNumber(o.State)}
		}
		last := ^ID(0)
		if o.Before != 0 {
			last = o.Before
		}
		for k := range r.ScanReverse(table, prefix, append(slices.Clone(prefix), last.Key()...)) {
			if len(p.Proposals) == o.Limit {
				p.Next = last
				return nil
			}
			last = numbered.IDOf(k)
			rec, err := load(r, last)
			if err != nil {
				return err
			}
			if o.Kind == "" || rec.Kind == o.Kind {
				p.Proposals = append(p.Proposals, rec.proposal(last))
			}
		}
		return nil
	})
	return p, info, err
}

// The types of the messages by which electors are told.
const (
	MessageSubmit  = "ProposalSubmit"
	MessageDecided = "ProposalDecided"
)

// Letter is a durable message about a proposal, to everybody whom it concerns.
type Letter struct {
	ID       string // the same each time the letter is sent
	To       []string
	Type     string
	Proposal ID
	Body     json.RawMessage
	TTL      time.Duration
}

// Leading is what the leader's loop needs; all of it is required.
type Leading struct {
	// Send makes a letter durable. A letter whose id was accepted before is not
	// accepted twice. What can never be sent wraps task.ErrUndeliverable.
	Send  func(ctx context.Context, l Letter) error
	Leads func() bool
}

// leadEvery is how often the leader looks; leadAtOnce how many letters it sends
// in a round.
const (
	leadEvery  = time.Second
	leadAtOnce = 64
)

// Lead ends what has expired and tells electors while this node leads, until
// ctx ends.
func (s *Service) Lead(ctx context.Context, l Leading) {
	changed := make(chan struct{}, 1)
	defer s.cfg.Part.Watch(func([]Event) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	every := time.NewTicker(leadEvery)
	defer every.Stop()
	for {
		if l.Leads() && s.cfg.Level() >= Level {
			if err := s.round(ctx, l, time.Now()); err != nil && ctx.Err() == nil {
				s.cfg.Logger.Warn("proposals are behind", "error", err)
			}
		}
		select {
		case <-changed:
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// round does what there is to do once.
func (s *Service) round(ctx context.Context, l Leading, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for range 16 {
		due := false
		if _, err := s.cfg.State.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
			if t := r.Time(); t.After(now) {
				now = t
			}
			due, err = pending(r, now)
			return err
		}); err != nil {
			return err
		}
		if !due {
			break
		}
		if _, err := s.propose(ctx, kindTick, tick{}, nil); err != nil {
			return err
		}
	}
	rows, letters, err := s.letters(ctx, now)
	if err != nil {
		return err
	}
	var done told
	for i, letter := range letters {
		switch err = l.Send(ctx, letter); {
		case isUndeliverable(err):
			s.cfg.Logger.Warn("a message about a proposal can never be delivered", "proposal", letter.Proposal, "error", err)
			err = nil
		case err != nil:
			s.cfg.Logger.Info("a message about a proposal was not taken; it is sent again", "proposal", letter.Proposal, "error", err)
		}
		if err != nil {
			break // what follows is sent with the next round
		}
		done.Rows = append(done.Rows, rows[i])
	}
	if len(done.Rows) == 0 {
		return nil
	}
	_, err = s.propose(ctx, kindTold, done, nil)
	return err
}

// shown is the body of the messages about a proposal.
type shown struct {
	Proposal   ID              `json:"proposal"`
	Kind       string          `json:"kind"`
	Title      string          `json:"title,omitempty"`
	Body       json.RawMessage `json:"body,omitempty"`
	Proposer   task.Party      `json:"proposer"`
	State      State           `json:"state"`
	Capability string          `json:"capability,omitempty"`
	ExpiresAt  time.Time       `json:"expires_at"`
	Electors   int             `json:"electors"`
	Votes      int             `json:"votes"`
}

// letters reads the first rows of the outbox as letters.
func (s *Service) letters(ctx context.Context, now time.Time) (rows []uint64, letters []Letter, err error) {
	_, err = s.cfg.State.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		rows, letters = nil, nil
		for k, v := range r.Scan(tableOut, nil, nil) {
			if len(rows) == leadAtOnce {
				return nil
			}
			var o outRow
			if err := consensus.Decode(v, &o); err != nil {
				return err
			}
			letter, err := s.letter(r, o, now)
			if err != nil {
				return err
			}
			rows, letters = append(rows, binary.BigEndian.Uint64(k)), append(letters, letter)
		}
		return nil
	})
	return rows, letters, err
}

func (s *Service) letter(r consensus.Reader, o outRow, now time.Time) (Letter, error) {
	rec, err := load(r, o.Proposal)
	if err != nil {
		return Letter{}, err
	}
	votes, err := electors(r, o.Proposal)
	if err != nil {
		return Letter{}, err
	}
	l := Letter{ID: "proposal-" + o.Proposal.String(), Type: MessageSubmit, Proposal: o.Proposal, TTL: max(time.UnixMilli(rec.Expires).Sub(now), time.Second)}
	show := shown{
		Proposal: o.Proposal, Kind: rec.Kind, Title: rec.Title, Proposer: rec.Proposer, State: rec.state(), Capability: rec.Capability,
		ExpiresAt: time.UnixMilli(rec.Expires).UTC(), Electors: rec.Electors, Votes: rec.Votes,
	}
	for _, v := range votes {
		l.To = append(l.To, v.Agent)
	}
	if o.Ended {
		l.ID, l.Type, l.TTL = l.ID+"-decided", MessageDecided, 0
		if p := rec.Proposer.Agent; p != "" && !slices.Contains(l.To, p) {
			l.To = append(l.To, p)
		}
	} else {
		show.Body = body(r, o.Proposal)
	}
	l.Body, err = json.Marshal(show)
	return l, err
}
