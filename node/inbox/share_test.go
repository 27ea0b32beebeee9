package inbox

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
	"github.com/meshd/meshd/node/message"
	"pgregory.net/rapid"
)

// limited makes the bounds of the mesh small for a test.
func limited(t *testing.T, l Limits) {
	was := MeshLimits
	MeshLimits = l
	t.Cleanup(func() { MeshLimits = was })
}

func (w *world) held(t testing.TB, principal string) (s share) {
	t.Helper()
	_, err := w.state.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error {
		if v := r.Get(tableShare, []byte(principal)); v != nil && !s.read(v) {
			return errBroken("the share")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A credential that sends without end is refused at a quarter of the mesh's
// inboxes, whatever became of what it sent, and the others go on.
func TestOneCredentialDoesNotFillTheMesh(t *testing.T) {
	limited(t, Limits{Messages: 40, Bytes: 1 << 20})
	w := newWorld(t)
	w.cfg.Whole = func(principal string) bool { return principal == "admin" }
	for _, n := range []string{"bob", "carol", "dave", "eve"} {
		if _, err := w.Claim(t.Context(), []Claim{{Agent: n, Principal: n}}); err != nil {
			t.Fatal(err)
		}
	}
	from := func(principal string, m Outgoing) error {
		m.From = message.Sender{Principal: principal, Node: "n"}
		_, err := w.Accept(t.Context(), m)
		return err
	}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(from("flood", Outgoing{Broadcast: true, TTL: time.Minute}))
	ok(from("flood", Outgoing{Broadcast: true, TTL: time.Minute}))
	// A broadcast counts for all whom it reaches, and is for all or none.
	r := refusedAs(t, from("flood", Outgoing{Broadcast: true}), CodeInboxFull)
	if r.Details["share"] != "credential" || r.Details["inbox"] != "" || r.Details["messages"] != "8" || r.Details["limit_messages"] != "10" || !strings.Contains(r.Sentence, "this credential") {
		t.Errorf("%+v", r)
	}
	ok(from("flood", Outgoing{To: to("bob", "carol")}))
	refusedAs(t, from("flood", Outgoing{To: to("bob")}), CodeInboxFull)
	ok(from("other", Outgoing{Broadcast: true}))
	ok(from("admin", Outgoing{Broadcast: true}))
	if got := w.held(t, "admin"); got != (share{}) {
		t.Errorf("an administrator's are counted: %+v", got)
	}
	// Dead letters take the room of all, and so are in the share.
	w.pass(2 * time.Minute)
	ok(w.Tidy(t.Context(), true))
	refusedAs(t, from("flood", Outgoing{To: to("bob")}), CodeInboxFull)
	page, err := w.List(t.Context(), "dave", ListOptions{Dead: true})
	if ok(err); len(page.Messages) != 2 {
		t.Fatalf("%+v", page)
	}
	if n, err := w.DropDead(t.Context(), "dave", []uint64{page.Messages[0].Seq}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	ok(from("flood", Outgoing{To: to("bob")}))
	// An acknowledgement makes room too.
	list := w.list("carol")
	_, err = w.Acknowledge(t.Context(), "carol", []uint64{list[0].Seq})
	ok(err)
	ok(from("flood", Outgoing{To: to("bob")}))
}

// Bodies are counted as messages are, for each recipient.
func TestAShareBoundsBytesToo(t *testing.T) {
	limited(t, Limits{Messages: 1000, Bytes: 80 << 10})
	w := newWorld(t)
	large := Outgoing{From: message.Sender{Principal: "flood"}, To: to("bob", "carol"), Body: json.RawMessage(`"` + strings.Repeat("x", 8<<10) + `"`)}
	if _, err := w.Accept(t.Context(), large); err != nil {
		t.Fatal(err)
	}
	_, err := w.Accept(t.Context(), large)
	if r := refusedAs(t, err, CodeInboxFull); r.Details["share"] != "credential" || r.Details["limit_bytes"] != itoa(20<<10) {
		t.Errorf("%+v", r)
	}
}

// What was accepted before shares were counted is in nobody's, and goes without
// making a share smaller than it is.
func TestMessagesOfBeforeSharesAreInNone(t *testing.T) {
	w := newWorld(t)
	level := uint32(LevelShare - 1)
	w.cfg.Level = func() uint32 { return level }
	m := Outgoing{From: message.Sender{Principal: "p"}, To: to("bob")}
	old, err := w.Accept(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	level = LevelShare
	young, err := w.Accept(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint64{old.Seq, young.Seq} {
		if got := w.held(t, "p"); got.Messages != 1 {
			t.Errorf("before %d: %+v", seq, got)
		}
		if _, err := w.Acknowledge(t.Context(), "bob", []uint64{seq}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.held(t, "p"); got != (share{}) {
		t.Errorf("%+v", got)
	}
}

// Whatever is done in whatever order, a share is what a recount finds (audit), and
// a message is refused for it just when it would take more.
func TestSharesAreWhatIsThere(t *testing.T) {
	limited(t, Limits{Messages: 60, Bytes: 40 << 10})
	names := []string{"bob", "carol", "dave"}
	rapid.Check(t, func(t *rapid.T) {
		w := emptyWorld()
		defer w.Close()
		ctx := context.Background()
		level := uint32(LevelShare)
		w.cfg.Level = func() uint32 { return level }
		w.cfg.Whole = func(principal string) bool { return principal == "admin" }
		name := rapid.SampledFrom(names)
		fatal := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		some := func(n string, dead bool) []uint64 {
			p, err := w.List(ctx, n, ListOptions{Limit: 1000, Dead: dead})
			fatal(err)
			seqs := []uint64{9999}
			for _, m := range p.Messages {
				if rapid.Bool().Draw(t, "this") {
					seqs = append(seqs, m.Seq)
				}
			}
			return seqs
		}
		t.Repeat(map[string]func(*rapid.T){
			"accept": func(t *rapid.T) {
				m := Outgoing{
					From: message.Sender{Principal: rapid.SampledFrom([]string{"p", "q", "r", "admin", ""}).Draw(t, "principal")},
					TTL:  time.Duration(rapid.IntRange(1, 100).Draw(t, "ttl")) * time.Minute, MaxAttempts: rapid.IntRange(1, 3).Draw(t, "attempts"),
				}
				if size := rapid.SampledFrom([]int{0, 0, 0, 2000, 9000}).Draw(t, "size"); size > 0 {
					m.Body = json.RawMessage(`"` + strings.Repeat("x", size) + `"`)
				}
				if rapid.Bool().Draw(t, "given") {
					m.ID = fmt.Sprint("id", rapid.IntRange(0, 9).Draw(t, "id"))
				}
				switch rapid.IntRange(0, 2).Draw(t, "kind") {
				case 0:
					m.Broadcast = true
				case 1:
					m.To = to(slices.Compact([]string{name.Draw(t, "one"), name.Draw(t, "two")})...)
				default:
					m.To = to(name.Draw(t, "to"))
				}
				level = rapid.SampledFrom([]uint32{LevelShare - 1, LevelShare, LevelShare}).Draw(t, "level")
				var before share
				recount := func(r consensus.Reader) error {
					before = share{}
					if v := r.Get(tableShare, []byte(m.From.Principal)); v != nil {
						before.read(v)
					}
					return nil
				}
				_, err := w.state.View(ctx, consensus.ReadOptions{}, recount)
				fatal(err)
				a, err := w.Accept(ctx, m)
				var no *consensus.Refusal
				limits := ShareLimits()
				counted := level >= LevelShare && m.From.Principal != "" && m.From.Principal != "admin"
				switch {
				case errors.As(err, &no):
					if no.Details["share"] != "" && !counted {
						t.Fatalf("%q is refused for a share: %v", m.From.Principal, no.Details)
					}
				case err != nil:
					t.Fatal(err)
				case a.Duplicate, !counted:
				case before.Messages+uint64(a.Count) > uint64(limits.Messages), before.Bytes+uint64(a.Count*len(m.Body)) > uint64(limits.Bytes):
					t.Fatalf("%q had %+v and may send %d more of %d", m.From.Principal, before, a.Count, len(m.Body))
				}
			},
			"claim": func(t *rapid.T) {
				_, err := w.Claim(ctx, []Claim{{Agent: name.Draw(t, "agent"), Principal: "p"}})
				fatal(err)
			},
			"acknowledge": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				_, err := w.Acknowledge(ctx, n, some(n, false))
				fatal(err)
			},
			"lease": func(t *rapid.T) {
				_, err := w.Lease(ctx, name.Draw(t, "agent"), 3, time.Minute)
				fatal(err)
			},
			"return": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				var back []Returned
				for _, seq := range some(n, false) {
					back = append(back, Returned{Seq: seq, Counts: true, Final: rapid.Bool().Draw(t, "final")})
				}
				_, err := w.Return(ctx, n, back)
				fatal(err)
			},
			"purge": func(t *rapid.T) {
				_, err := w.Purge(ctx, name.Draw(t, "agent"))
				fatal(err)
			},
			"redrive": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				_, err := w.Redrive(ctx, n, some(n, true))
				fatal(err)
			},
			"drop": func(t *rapid.T) {
				n := name.Draw(t, "agent")
				_, err := w.DropDead(ctx, n, some(n, true))
				fatal(err)
			},
			"release": func(*rapid.T) { _ = w.Release(ctx, names[0], KeepLetters) },
			"time": func(t *rapid.T) {
				w.mu.Lock()
				w.at = w.at.Add(time.Duration(rapid.SampledFrom([]int{1, 30, 20000}).Draw(t, "minutes")) * time.Minute)
				w.mu.Unlock()
				fatal(w.Tidy(ctx, true))
			},
			"": func(t *rapid.T) {
				_, err := w.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error { return audit(r, w.part.index) })
				fatal(err)
			},
		})
	})
}

// A principal of whom nothing is left is forgotten, by the sweep.
func TestSharesOfNothingAreSwept(t *testing.T) {
	w := newWorld(t)
	rows := func() (n int) {
		_, err := w.state.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error {
			for range r.Scan(tableShare, nil, nil) {
				n++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for i := range 100 {
		a, err := w.Accept(t.Context(), Outgoing{From: message.Sender{Principal: fmt.Sprint("p", i)}, To: to("bob")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Acknowledge(t.Context(), "bob", []uint64{a.Seq}); err != nil {
			t.Fatal(err)
		}
	}
	w.send(Outgoing{To: to("bob"), From: message.Sender{Principal: "p1"}})
	if n := rows(); n != 100 {
		t.Errorf("%d rows", n)
	}
	if err := w.Tidy(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows are left", n)
	}
}
