package proposal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/task"
	"pgregory.net/rapid"
)

// world is proposals on a state in memory with a clock of the test's.
type world struct {
	t     testing.TB
	state *consensustest.Local
	s     *Service
	tasks *task.Service
	now   time.Time
	sent  []Letter
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)}
	part, tasks := NewPart(), task.NewPart()
	w.state = consensustest.New(part, tasks)
	w.state.Now = func() time.Time { return w.now }
	w.s = NewService(Config{State: w.state, Part: part, Known: func(context.Context) ([]string, error) { return []string{"b", "a", "c"}, nil }})
	w.tasks = task.NewService(task.Config{State: w.state, Part: tasks})
	return w
}

func ctx() context.Context { return context.Background() }

func (w *world) submit(n NewProposal) Proposal {
	w.t.Helper()
	n.Kind = PolicyChange
	p, _, err := w.s.Submit(ctx(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) vote(id ID, agent string, c Choice) (Proposal, error) {
	p, _, err := w.s.Vote(ctx(), id, agent, c, "", "p", nil)
	return p, err
}

func (w *world) get(id ID) Proposal {
	w.t.Helper()
	p, _, err := w.s.Get(ctx(), id, consensus.ReadOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// pass lets time go by and the leader look.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	if err := w.s.round(ctx(), Leading{Send: func(_ context.Context, l Letter) error {
		w.sent = append(w.sent, l)
		return nil
	}}, w.now); err != nil {
		w.t.Fatal(err)
	}
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return fmt.Sprint(err)
}

// How votes decide, as a table: each line is the electors' votes in order, and
// what has become of the proposal at once and at its expiry.
func TestVotesDecide(t *testing.T) {
	for _, c := range []struct {
		quorum, approval int64
		votes            string // of a to e: y, n, - (abstains), . (not at all)
		atOnce, atEnd    State
	}{
		{0, 0, ".....", Open, Expired},
		{0, 0, "yy...", Open, Expired},
		{0, 0, "yyy..", Approved, Approved},
		{0, 0, "nnn..", Rejected, Rejected},
		{0, 0, "yyn..", Open, Approved},
		{0, 0, "yn-..", Open, Rejected}, // a tie
		{0, 0, "yynn.", Open, Rejected},
		{0, 0, "yynny", Approved, Approved},
		{0, 0, "---..", Open, Rejected}, // nobody is for it
		{0, 0, "-----", Rejected, Rejected},
		{0, 0, "y----", Approved, Approved},
		{Million, 0, "yyyy.", Open, Expired},
		{Million, 0, "yyyyn", Approved, Approved},
		{Million / 5, 0, "y....", Open, Approved},
		{0, Million, "yyyyn", Rejected, Rejected},
		{0, Million, "yyyy.", Open, Approved},
		{0, Million, "nyy..", Rejected, Rejected},
		{0, 2 * Million / 3, "yyn..", Open, Approved},
		{0, 2 * Million / 3, "yynny", Rejected, Rejected},
	} {
		w := newWorld(t)
		p := w.submit(NewProposal{Electors: []string{"e", "d", "c", "b", "a", "a"}, Quorum: c.quorum, Approval: c.approval})
		for i, v := range c.votes {
			choice := map[rune]Choice{'y': Approve, 'n': Reject, '-': Abstain}[v]
			if choice == "" {
				continue
			}
			if _, err := w.vote(p.ID, string(rune('a'+i)), choice); err != nil && code(err) != CodeDecided {
				t.Fatal(err)
			}
		}
		if got := w.get(p.ID).State; got != c.atOnce {
			t.Errorf("quorum %d, approval %d, %s: %s, want %s", c.quorum, c.approval, c.votes, got, c.atOnce)
		}
		w.pass(DefaultExpiry)
		if got := w.get(p.ID).State; got != c.atEnd {
			t.Errorf("quorum %d, approval %d, %s: %s at its end, want %s", c.quorum, c.approval, c.votes, got, c.atEnd)
		}
	}
}

// While the mesh has no leader nobody ends what has expired. A vote that comes
// when there is one again is as late as any other.
func TestAVoteAfterTheExpiryIsLateThoughNobodyHasEndedIt(t *testing.T) {
	w := newWorld(t)
	p := w.submit(NewProposal{Electors: []string{"a", "b", "c"}, Expiry: time.Minute})
	for agent, c := range map[string]Choice{"a": Abstain, "b": Approve} {
		if _, err := w.vote(p.ID, agent, c); err != nil {
			t.Fatal(err)
		}
	}
	w.now = p.ExpiresAt
	if _, err := w.vote(p.ID, "c", Reject); code(err) != CodeDecided {
		t.Errorf("the vote: %v", err)
	}
	w.pass(0)
	if got := w.get(p.ID); got.State != Approved || got.Votes != 2 {
		t.Errorf("it is %s by %d votes", got.State, got.Votes)
	}
}

func TestAVoteMayChangeUntilItIsDecided(t *testing.T) {
	w := newWorld(t)
	p := w.submit(NewProposal{}) // by all that are known
	if p.Electors != 3 || p.Weight != 3*Million/2 {
		t.Fatalf("it is %+v", p)
	}
	for _, step := range []struct {
		agent string
		c     Choice
		want  string
	}{
		{"a", Reject, "open 0 500000"},
		{"a", Approve, "open 500000 0"},
		{"x", Approve, CodeNoElector},
		{"b", "maybe", CodeInvalid},
		{"b", Approve, "approved 1000000 0"},
		{"b", Reject, CodeDecided},
		{"c", Reject, CodeDecided},
	} {
		got := ""
		if p, err := w.vote(p.ID, step.agent, step.c); err != nil {
			got = code(err)
		} else {
			got = fmt.Sprintf("%s %d %d", p.State, p.For, p.Against)
		}
		if got != step.want {
			t.Errorf("%s votes %s: %s, want %s", step.agent, step.c, got, step.want)
		}
	}
	votes, _, err := w.s.Votes(ctx(), p.ID, consensus.ReadOptions{})
	if err != nil || len(votes) != 3 || votes[1].Choice != Approve || votes[2].Choice != "" {
		t.Errorf("the votes are %+v, %v", votes, err)
	}
}

// Weights are those of the moment it was proposed: an agent that has done many
// tasks of the capability outweighs two that have not.
func TestExpertiseWeighs(t *testing.T) {
	w := newWorld(t)
	for range 300 {
		made, _, err := w.tasks.Submit(ctx(), task.NewTask{Agent: "a", Type: "caching"})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.tasks.Report(ctx(), task.Report{Task: made.ID, Agent: "a", State: task.Completed}); err != nil {
			t.Fatal(err)
		}
	}
	p := w.submit(NewProposal{Capability: "caching"})
	votes, _, err := w.s.Votes(ctx(), p.ID, consensus.ReadOptions{})
	if err != nil || votes[0].Weight < 970_000 || votes[0].Weight > Million || votes[1].Weight != Million/2 {
		t.Fatalf("the weights are %+v, %v", votes, err)
	}
	if p, err := w.vote(p.ID, "b", Reject); err != nil || p.State != Open {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err := w.vote(p.ID, "a", Approve); err != nil || p.State != Open {
		t.Fatalf("%+v, %v", p, err)
	}
	if p, err := w.vote(p.ID, "c", Abstain); err != nil || p.State != Approved {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestElectorsAreTold(t *testing.T) {
	w := newWorld(t)
	p := w.submit(NewProposal{Electors: []string{"a", "b"}, Proposer: task.Party{Agent: "boss"}, Title: "more tea", Body: json.RawMessage(`{"cups":2}`)})
	w.pass(0)
	w.pass(time.Second)
	if _, err := w.vote(p.ID, "a", Approve); err != nil {
		t.Fatal(err)
	}
	w.pass(DefaultExpiry)
	var got []string
	for _, l := range w.sent {
		got = append(got, l.ID+" "+l.Type+" to "+strings.Join(l.To, ","))
	}
	if want := []string{"proposal-1 ProposalSubmit to a,b", "proposal-1-decided ProposalDecided to a,b,boss"}; !slices.Equal(got, want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	if !strings.Contains(string(w.sent[0].Body), `"cups":2`) || !strings.Contains(string(w.sent[1].Body), `"state":"approved"`) {
		t.Errorf("told %s, then %s", w.sent[0].Body, w.sent[1].Body)
	}
}

func TestWhatIsNoProposal(t *testing.T) {
	many := make([]string, MaxElectors+1)
	for i := range many {
		many[i] = fmt.Sprintf("a%04d", i)
	}
	for name, c := range map[string]struct {
		n    NewProposal
		want string
	}{
		"kind":     {NewProposal{Kind: "a kind"}, CodeInvalid},
		"no kind":  {NewProposal{}, CodeInvalid},
		"title":    {NewProposal{Kind: "k", Title: "a\nb"}, CodeInvalid},
		"body":     {NewProposal{Kind: "k", Body: json.RawMessage(`{`)}, CodeInvalid},
		"large":    {NewProposal{Kind: "k", Body: json.RawMessage(`"` + strings.Repeat("x", MaxBody) + `"`)}, CodeTooLarge},
		"quorum":   {NewProposal{Kind: "k", Quorum: Million + 1}, CodeInvalid},
		"approval": {NewProposal{Kind: "k", Approval: Million/2 - 1}, CodeInvalid},
		"expiry":   {NewProposal{Kind: "k", Expiry: MaxExpiry + time.Second}, CodeInvalid},
		"past":     {NewProposal{Kind: "k", Expiry: -time.Second}, CodeInvalid},
		"many":     {NewProposal{Kind: "k", Electors: many}, CodeInvalid},
		"elector":  {NewProposal{Kind: "k", Electors: []string{"A"}}, CodeInvalid},
	} {
		if _, _, err := newWorld(t).s.Submit(ctx(), c.n); code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	w := newWorld(t)
	w.s.cfg.Level = func() uint32 { return Level - 1 }
	if _, _, err := w.s.Submit(ctx(), NewProposal{Kind: "k"}); code(err) != CodeOlderNodes {
		t.Errorf("below the level: %v", err)
	}
}

func TestDecidedOnesAreForgotten(t *testing.T) {
	w := newWorld(t)
	var last Proposal
	for range 5 {
		last = w.submit(NewProposal{})
	}
	page, _, err := w.s.List(ctx(), ListOptions{Limit: 2})
	if err != nil || len(page.Proposals) != 2 || page.Proposals[0].ID != last.ID || page.Next != last.ID-1 {
		t.Errorf("a page is %+v, %v", page, err)
	}
	if page, _, err = w.s.List(ctx(), ListOptions{State: Open, Before: page.Next}); err != nil || len(page.Proposals) != 3 {
		t.Errorf("the next is %+v, %v", page, err)
	}
	w.pass(DefaultExpiry)
	w.pass(KeepDecided)
	if page, _, err = w.s.List(ctx(), ListOptions{}); err != nil || len(page.Proposals) != 0 {
		t.Errorf("kept: %+v, %v", page, err)
	}
	for _, table := range allTables {
		if _, err := w.state.View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
			for k := range r.Scan(table, nil, nil) {
				if table != tableMeta {
					t.Errorf("%s still has %x", table, k)
				}
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
}

// What the state decides is what counting the ballots afresh decides, whatever
// order votes came in; and two states that take the same commands are the same.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2031, 5, 1, 0, 0, 0, 0, time.UTC)
		var both [2]*consensustest.Local
		for i := range both {
			both[i] = consensustest.New(NewPart(), task.NewPart())
			both[i].Now = func() time.Time { return now }
		}
		agents := []string{"a", "b", "c", "d", "e"}
		model := map[ID]map[string]Choice{}
		final := map[ID]State{}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "pass")) * time.Millisecond)
			var cmd []byte
			v := vote{Proposal: ID(rapid.IntRange(1, len(model)+1).Draw(t, "proposal")), Agent: rapid.SampledFrom(agents).Draw(t, "agent"), Choice: uint8(rapid.IntRange(0, 4).Draw(t, "choice"))}
			what := rapid.IntRange(0, 5).Draw(t, "what")
			switch what {
			case 0:
				cmd = numbered.Command(kindSubmit, submit{Kind: "k", Proposer: task.Party{Principal: rapid.SampledFrom([]string{"p", "q"}).Draw(t, "principal")}, Counted: rapid.Bool().Draw(t, "counted"), Body: []byte("1"), Quorum: int64(rapid.IntRange(1, Million).Draw(t, "quorum")),
					Approval: int64(rapid.IntRange(Million/2, Million).Draw(t, "approval")), ExpiryMs: int64(rapid.IntRange(1, 20_000).Draw(t, "expiry")),
					Electors: agents[:rapid.IntRange(1, 5).Draw(t, "electors")]})
			case 1:
				cmd = numbered.Command(kindTick, tick{})
			default:
				cmd = numbered.Command(kindVote, v)
			}
			var results [2]string
			for i, s := range both {
				out, err := s.Propose(ctx(), consensus.Proposal{Part: PartName, Body: cmd})
				results[i] = fmt.Sprintf("%x %d %v", out.Result, out.Revision, err)
				switch {
				case i == 1 || err != nil:
				case what == 0:
					model[ID(len(model)+1)] = map[string]Choice{}
				case what > 1:
					model[v.Proposal][v.Agent] = choices[v.Choice]
				}
			}
			if results[0] != results[1] {
				t.Fatalf("one says %s, the other %s", results[0], results[1])
			}
			_, err := both[0].View(ctx(), consensus.ReadOptions{}, func(r consensus.Reader) error {
				open, decided, shares := 0, 0, map[string]int{}
				for id, cast := range model {
					rec, err := load(r, id)
					if err != nil {
						return err
					}
					count := tally{electors: rec.Electors, votes: len(cast), quorum: rec.Quorum, approval: rec.Approval, all: int64(rec.Electors) * Million / 2}
					for _, c := range cast {
						switch c {
						case Approve:
							count.yes += Million / 2
						case Reject:
							count.no += Million / 2
						case Abstain:
							count.abstained += Million / 2
						}
					}
					if rec.tally() != count {
						t.Errorf("proposal %s counts %+v, its ballots are %+v", id, rec.tally(), count)
					}
					if was, ok := final[id]; ok && was != rec.state() {
						t.Errorf("proposal %s was %s and is %s", id, was, rec.state())
					}
					if rec.state() == Open {
						open++
						if rec.Counted {
							shares[rec.Proposer.Principal]++
						}
						if count.settled() != "" {
							t.Errorf("proposal %s is open and settled", id)
						}
						continue
					}
					decided++
					final[id] = rec.state()
					if want := count.ended(); rec.state() != want {
						t.Errorf("proposal %s is %s, its ballots say %s", id, rec.state(), want)
					}
				}
				rows := 0
				for k := range r.Scan(tableShares, nil, nil) {
					if rows++; openOf(r, string(k)) != shares[string(k)] {
						t.Errorf("%q has %d open, there are %d", k, openOf(r, string(k)), shares[string(k)])
					}
				}
				if rows != len(shares) {
					t.Errorf("%d shares, there are %v", rows, shares)
				}
				if m, err := loadMeta(r); err != nil || m.Open != open || m.Decided != decided {
					t.Errorf("counted %+v, there are %d open and %d decided, %v", m, open, decided, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Whatever bytes a command is, it is refused or done.
func FuzzApply(f *testing.F) {
	f.Add(numbered.Command(kindSubmit, submit{Kind: "k", Body: []byte("1"), Quorum: 1, Approval: Million, ExpiryMs: 1, Electors: []string{"a"}}))
	f.Add(numbered.Command(kindVote, vote{Proposal: 1, Agent: "a", Choice: 1}))
	f.Add(numbered.Command(kindTold, told{[]uint64{1}}))
	f.Add(numbered.Command(kindTick, tick{}))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		w.submit(NewProposal{})
		if _, err := w.state.Propose(ctx(), consensus.Proposal{Part: PartName, Body: body}); err != nil && strings.Contains(code(err), " ") {
			t.Errorf("no refusal: %v", err)
		}
	})
}
