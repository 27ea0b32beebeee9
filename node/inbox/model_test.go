package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"pgregory.net/rapid"
)

// naive is what inboxes are, written as plainly as can be.
type naive struct {
	agents map[string]*naiveAgent
	ids    map[string]naiveID
}

type naiveAgent struct {
	known   bool
	subs    map[string]bool
	waiting map[uint64]*naiveMessage
	dead    map[uint64]*naiveMessage
}

type naiveID struct {
	seq  uint64
	at   time.Time
	what string
}

type naiveMessage struct {
	seq                         uint64
	body                        string
	sender                      string
	prio                        Priority
	accepted, notBefore, leased time.Time
	ttl                         time.Duration
	attempts, max               int
	back                        bool
	death                       Death
	died                        time.Time
}

func (n *naive) agent(name string) *naiveAgent {
	a := n.agents[name]
	if a == nil {
		a = &naiveAgent{subs: map[string]bool{}, waiting: map[uint64]*naiveMessage{}, dead: map[uint64]*naiveMessage{}}
		n.agents[name] = a
	}
	return a
}

// inOrder is the waiting messages in order of delivery.
func (a *naiveAgent) inOrder() []*naiveMessage {
	return slices.SortedFunc(maps.Values(a.waiting), func(x, y *naiveMessage) int {
		return cmp.Or(cmp.Compare(x.prio.rank(), y.prio.rank()), cmp.Compare(x.seq, y.seq))
	})
}

func (a *naiveAgent) due(now time.Time) (out []*naiveMessage) {
	list := a.inOrder()
	for _, m := range list {
		if m.notBefore.After(now) || m.leased.After(now) || !now.Before(m.accepted.Add(m.ttl)) || !m.leased.IsZero() && m.attempts >= m.max {
			continue
		}
		held := slices.ContainsFunc(list, func(e *naiveMessage) bool {
			return e.back && e.notBefore.After(now) && e.seq < m.seq && e.sender == m.sender && e.prio == m.prio
		})
		if !held {
			out = append(out, m)
		}
	}
	return out
}

func (a *naiveAgent) kill(m *naiveMessage, why Death, now time.Time) {
	delete(a.waiting, m.seq)
	m.died = now
	m.death, m.notBefore, m.leased, m.back = why, time.Time{}, time.Time{}, false
	a.dead[m.seq] = m
}

func naiveMatch(pattern, topic string) bool {
	p, t := strings.Split(pattern, "/"), strings.Split(topic, "/")
	for i, s := range p {
		switch {
		case s == ">":
			return len(t) > i
		case i >= len(t) || s != "*" && s != t[i]:
			return false
		}
	}
	return len(p) == len(t)
}

func show(list []*naiveMessage) (out []string) {
	for _, m := range list {
		out = append(out, fmt.Sprint(m.seq, m.body, m.prio, m.attempts, m.death))
	}
	return out
}

func showStored(list []Stored) (out []string) {
	for _, m := range list {
		out = append(out, fmt.Sprint(m.Seq, string(m.Body), m.Priority, m.Attempts, m.Death))
	}
	return out
}

// Whatever is done in whatever order: what the inboxes hold is what a naive
// model holds, all that is counted is there, and memory agrees with the state.
func TestModel(t *testing.T) {
	was := InboxLimits
	InboxLimits = Limits{Messages: 12, Bytes: 1 << 20}
	defer func() { InboxLimits = was }()
	names := []string{"bob", "carol", "dave", "eve"}
	topics := []string{"a", "a/b", "a/c", "b/c"}
	patterns := []string{"a", "a/*", "a/>", ">", "*/c", "b/c"}
	rapid.Check(t, func(t *rapid.T) {
		w := emptyWorld()
		defer w.Close()
		ctx := context.Background()
		model := &naive{agents: map[string]*naiveAgent{}, ids: map[string]naiveID{}}
		body := 0
		name := rapid.SampledFrom(names)
		fatal := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		seqOf := func(a *naiveAgent, list map[uint64]*naiveMessage) uint64 {
			all := slices.Sorted(maps.Keys(list))
			if len(all) == 0 || rapid.IntRange(0, 9).Draw(t, "miss") == 0 {
				return rapid.Uint64Range(1, 60).Draw(t, "seq")
			}
			return rapid.SampledFrom(all).Draw(t, "seq")
		}
		t.Repeat(map[string]func(*rapid.T){
			"accept": func(t *rapid.T) {
				body++
				m := Outgoing{
					From: message.Sender{Agent: rapid.SampledFrom([]string{"bob", "alice"}).Draw(t, "from"), Principal: "p", Node: "n"},
					Body: json.RawMessage(fmt.Sprint(body)), Priority: Priority(rapid.IntRange(0, 3).Draw(t, "priority")),
					TTL: time.Duration(rapid.IntRange(3, 100).Draw(t, "ttl")) * time.Minute, Delay: time.Duration(rapid.IntRange(0, 2).Draw(t, "delay")) * time.Minute,
					MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts"),
				}
				if size := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 0, 0, 0, 3000, 3000, 9000, 9000, chunkBody + 5}).Draw(t, "size"); size > 0 {
					m.Body = json.RawMessage(`"` + strings.Repeat("x", size) + fmt.Sprint(body) + `"`)
				}
				if rapid.IntRange(0, 2).Draw(t, "given") == 0 {
					m.ID = fmt.Sprint("id", rapid.IntRange(0, 5).Draw(t, "id"))
				}
				var whom []string
				several := false
				switch rapid.IntRange(0, 4).Draw(t, "kind") {
				case 0:
					m.Topic, several = rapid.SampledFrom(topics).Draw(t, "topic"), true
					for _, n := range names {
						if a := model.agents[n]; a != nil && slices.ContainsFunc(slices.Collect(maps.Keys(a.subs)), func(p string) bool { return naiveMatch(p, m.Topic) }) {
							whom = append(whom, n)
						}
					}
				case 1:
					m.Broadcast, several = true, true
					for _, n := range names {
						if a := model.agents[n]; a != nil && a.known && n != m.From.Agent {
							whom = append(whom, n)
						}
					}
				case 2:
					whom = []string{name.Draw(t, "one"), name.Draw(t, "two")}
					m.To = to(whom...)
					whom = slices.Compact(whom)
				default:
					whom = []string{name.Draw(t, "to")}
					m.To = to(whom...)
				}
				if m.ID != "" && rapid.Bool().Draw(t, "same") {
					m.Body = json.RawMessage("0")
				}
				what := fmt.Sprint(m.Topic, m.Broadcast, string(m.Body))
				if len(m.To) > 0 {
					what += fmt.Sprint(whom)
				}
				a, err := w.Accept(ctx, m)
				if id, ok := model.ids[m.From.Agent+m.ID]; m.ID != "" && ok && w.now().Sub(id.at) < 24*time.Hour {
					var r *consensus.Refusal
					if id.what != what {
						if !errors.As(err, &r) || r.Code != CodeOtherMessage {
							t.Fatalf("%q was %q: %v", what, id.what, err)
						}
						return
					}
					if fatal(err); !a.Duplicate || a.Seq != id.seq {
						t.Fatalf("%+v, known as %d", a, id.seq)
					}
					return
				}
				var fit []string
				for _, n := range whom {
					if len(model.agent(n).waiting) < InboxLimits.Messages {
						fit = append(fit, n)
					}
				}
				if len(fit) == 0 || !several && len(fit) < len(whom) {
					var r *consensus.Refusal
					if !errors.As(err, &r) || r.Code != CodeInboxFull && (len(whom) > 0 || r.Code != CodeNoSubscribers) {
						t.Fatal("not refused", err)
					}
					return
				}
				fatal(err)
				got := a.Recipients
				if len(whom) == 1 && !several {
					got = whom
				}
				if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(fit))) || a.Count != len(fit) || a.Full != len(whom)-len(fit) {
					t.Fatalf("%+v for %v", a, fit)
				}
				order := a.Recipients
				if len(order) == 0 {
					order = fit
				}
				// Numbers are consecutive; whose is whose, the lists say.
				for _, n := range order {
					p, err := w.List(ctx, n, ListOptions{Limit: 1000})
					fatal(err)
					at := slices.IndexFunc(p.Messages, func(s Stored) bool { return s.Seq >= a.Seq })
					if at < 0 {
						t.Fatal("accepted and not there")
					}
					seq := p.Messages[at].Seq
					for _, s := range p.Messages {
						if s.Seq >= a.Seq {
							seq = s.Seq
						}
					}
					msg := &naiveMessage{
						seq: seq, body: string(m.Body), sender: m.From.Agent, prio: m.Priority, accepted: w.now(), ttl: m.TTL, max: m.MaxAttempts,
					}
					if m.Delay > 0 {
						msg.notBefore = w.now().Add(m.Delay)
					}
					model.agent(n).waiting[seq] = msg
				}
				if m.ID != "" {
					model.ids[m.From.Agent+m.ID] = naiveID{a.Seq, w.now(), what}
				}
			},
			"acknowledge": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				seq := seqOf(a, a.waiting)
				got, err := w.Acknowledge(ctx, n, []uint64{seq})
				fatal(err)
				if _, there := a.waiting[seq]; there != (got == 1) {
					t.Fatal("acknowledged", got)
				}
				delete(a.waiting, seq)
			},
			"lease": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				limit := rapid.IntRange(1, 4).Draw(t, "max")
				want := a.due(w.now())
				want = want[:min(limit, len(want))]
				got, err := w.Lease(ctx, n, limit, time.Minute)
				fatal(err)
				// What has had all of its attempts by returns dies in its stead.
				for _, m := range want {
					m.attempts++
					m.leased, m.notBefore, m.back = w.now().Add(time.Minute), time.Time{}, false
				}
				if !slices.Equal(showStored(got), show(want)) {
					t.Fatalf("leased %v, due are %v", showStored(got), show(want))
				}
			},
			"return": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				r := Returned{Seq: seqOf(a, a.waiting), Counts: rapid.Bool().Draw(t, "counts"), Final: rapid.IntRange(0, 5).Draw(t, "final") == 0,
					Delay: time.Duration(rapid.IntRange(0, 2).Draw(t, "delay")) * time.Minute}
				took, err := w.Return(ctx, n, []Returned{r})
				fatal(err)
				m := a.waiting[r.Seq]
				if m == nil {
					if took != 0 {
						t.Fatalf("%d were given back, and nothing was there", took)
					}
					return
				}
				if took != 1 {
					t.Fatalf("%d were given back, and one was there", took)
				}
				if r.Counts {
					m.attempts++
				}
				m.leased, m.notBefore, m.back = time.Time{}, time.Time{}, true
				switch {
				case r.Final:
					a.kill(m, DeathReturned, w.now())
				case m.attempts >= m.max:
					a.kill(m, DeathAttempts, w.now())
				case r.Delay > 0:
					m.notBefore = w.now().Add(r.Delay)
				}
			},
			"redrive": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				seq := seqOf(a, a.dead)
				got, err := w.Redrive(ctx, n, []uint64{seq})
				fatal(err)
				m := a.dead[seq]
				if want := m != nil && len(a.waiting) < InboxLimits.Messages; want != (got == 1) {
					t.Fatal("redriven", got)
				}
				if got == 0 {
					return
				}
				p, err := w.List(ctx, n, ListOptions{Limit: 1000})
				fatal(err)
				delete(a.dead, seq)
				m.seq = slices.MaxFunc(p.Messages, func(x, y Stored) int { return cmp.Compare(x.Seq, y.Seq) }).Seq
				m.attempts, m.accepted, m.death = 0, w.now(), ""
				a.waiting[m.seq] = m
			},
			"purge": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				got, err := w.Purge(ctx, n)
				if fatal(err); got != len(a.waiting) {
					t.Fatal("purged", got)
				}
				for _, m := range a.inOrder() {
					a.kill(m, DeathPurged, w.now())
				}
			},
			"drop": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				seq := seqOf(a, a.dead)
				_, err := w.DropDead(ctx, n, []uint64{seq})
				fatal(err)
				delete(a.dead, seq)
			},
			"subscribe": func(t *rapid.T) {
				n, p := name.Draw(t, "agent"), rapid.SampledFrom(patterns).Draw(t, "pattern")
				fatal(w.Subscribe(ctx, n, p))
				model.agent(n).subs[p], model.agent(n).known = true, true
			},
			"unsubscribe": func(t *rapid.T) {
				n, p := name.Draw(t, "agent"), rapid.SampledFrom(patterns).Draw(t, "pattern")
				fatal(w.Unsubscribe(ctx, n, p))
				delete(model.agent(n).subs, p)
			},
			"claim": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				_, err := w.Claim(ctx, []Claim{{Agent: n, Principal: "p"}})
				fatal(err)
				model.agent(n).known = true
			},
			"release": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				a := model.agent(n)
				letters := rapid.SampledFrom([]Letters{NoLetters, KeepLetters, DropLetters}).Draw(t, "letters")
				full := len(a.waiting)+len(a.dead) > 0
				switch err := w.Release(ctx, n, letters); {
				case letters == NoLetters && full:
					if err == nil {
						t.Fatal("it is released with letters")
					}
				case err == nil:
					a.known = false
				}
				if letters == DropLetters {
					clear(a.waiting)
					clear(a.dead)
				}
			},
			"time": func(t *rapid.T) {
				d := time.Duration(rapid.SampledFrom([]int{1, 1, 2, 30, 3000}).Draw(t, "minutes")) * time.Minute
				w.mu.Lock()
				w.at = w.at.Add(d)
				w.mu.Unlock()
				fatal(w.Tidy(ctx, true))
				for _, a := range model.agents {
					for _, m := range a.inOrder() {
						switch {
						case !w.now().Before(m.accepted.Add(m.ttl)):
							a.kill(m, DeathExpired, w.now())
						case !m.leased.IsZero() && !m.leased.After(w.now()) && m.attempts >= m.max:
							a.kill(m, DeathAttempts, w.now())
						}
					}
					maps.DeleteFunc(a.dead, func(_ uint64, m *naiveMessage) bool { return !w.now().Before(m.died.Add(DeadTTL)) })
				}
			},
			"": func(t *rapid.T) {
				for _, n := range names {
					a := model.agent(n)
					p, err := w.List(ctx, n, ListOptions{Limit: 1000, Bodies: true})
					fatal(err)
					if want := show(a.inOrder()); !slices.Equal(showStored(p.Messages), want) {
						t.Fatalf("%s has %v, should have %v", n, showStored(p.Messages), want)
					}
					p, err = w.List(ctx, n, ListOptions{Limit: 1000, Bodies: true, Dead: true})
					fatal(err)
					want := show(slices.SortedFunc(maps.Values(a.dead), func(x, y *naiveMessage) int { return cmp.Compare(x.seq, y.seq) }))
					if got := showStored(p.Messages); !slices.Equal(got, want) {
						t.Fatalf("%s has dead %v, should have %v", n, got, want)
					}
					b, err := w.Pending(ctx, n, PendingOptions{})
					fatal(err)
					if want := show(a.due(w.now())); !slices.Equal(showStored(b.Messages), want) {
						t.Fatalf("%s is due %v, should be %v", n, showStored(b.Messages), want)
					}
				}
				_, err := w.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error { return audit(r, w.part.index) })
				fatal(err)
			},
		})
	})
}
