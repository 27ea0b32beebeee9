package roster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/identity"
	"pgregory.net/rapid"
)

// model says in the plainest way what the roster should answer.
type model struct {
	now     time.Time
	members map[identity.NodeID]*modelMember
	dead    map[identity.NodeID]bool
	deadPin map[identity.Pin]bool
	retired map[string]bool
	seats   map[string]identity.NodeID
	tokens  map[string]*modelToken
}

type modelMember struct {
	pin               identity.Pin
	raft              string
	token             string
	leaving, removing bool
}

type modelToken struct {
	left    int
	expires time.Time
	revoked bool
	by      identity.NodeID
}

func (m *model) staying() (n int) {
	for _, mm := range m.members {
		if !mm.leaving {
			n++
		}
	}
	return n
}

// admit returns the code expected, "" for yes.
func (m *model) admit(a Admission) string {
	if m.dead[a.ID] || m.deadPin[a.Pin] {
		return CodeNodeRemoved
	}
	for id, mm := range m.members {
		if mm.pin == a.Pin && id != a.ID {
			return CodePinTaken
		}
	}
	old := m.members[a.ID]
	if old != nil && old.pin != a.Pin {
		return CodeNodeIDTaken
	}
	if m.retired[a.RaftID] || (m.seats[a.RaftID] != "" && m.seats[a.RaftID] != a.ID) {
		return CodeRaftIDTaken
	}
	if old != nil && !old.leaving && old.token == a.TokenID && old.raft == a.RaftID {
		return ""
	}
	t := m.tokens[a.TokenID]
	switch {
	case t == nil:
		return CodeTokenUnknown
	case t.revoked:
		return CodeTokenRevoked
	case t.left == 0:
		return CodeTokenUsedUp
	case !m.now.Before(t.expires):
		return CodeTokenExpired
	}
	t.left--
	if old != nil && old.raft != a.RaftID {
		m.retired[old.raft] = true
	}
	m.members[a.ID] = &modelMember{pin: a.Pin, raft: a.RaftID, token: a.TokenID}
	m.seats[a.RaftID] = a.ID
	return ""
}

func (m *model) leave(id identity.NodeID) string {
	switch mm := m.members[id]; {
	case mm == nil:
		return m.missing(id)
	case mm.leaving:
	case m.staying() == 1:
		return CodeLastMember
	default:
		mm.leaving = true
	}
	return ""
}

func (m *model) vacate(id identity.NodeID) string {
	code := m.leave(id)
	if code == "" {
		m.members[id].removing = true
	}
	return code
}

func (m *model) stay(id identity.NodeID) string {
	switch mm := m.members[id]; {
	case mm == nil:
		return m.missing(id)
	case mm.removing:
		return CodeRemoving
	default:
		mm.leaving = false
	}
	return ""
}

func (m *model) spare(id identity.NodeID) string {
	mm := m.members[id]
	switch {
	case mm == nil:
		return m.missing(id)
	case mm.removing:
		mm.leaving, mm.removing = false, false
	}
	return ""
}

func (m *model) forget(id identity.NodeID) string {
	switch mm := m.members[id]; {
	case mm == nil:
		return m.missing(id)
	case !mm.leaving:
		return CodeNotLeaving
	}
	delete(m.members, id)
	return ""
}

func (m *model) remove(id identity.NodeID) string {
	mm := m.members[id]
	switch {
	case m.dead[id]:
		return ""
	case mm == nil:
		return CodeNodeUnknown
	case !mm.leaving && m.staying() == 1:
		return CodeLastMember
	}
	m.dead[id], m.deadPin[mm.pin], m.retired[mm.raft] = true, true, true
	delete(m.members, id)
	for _, t := range m.tokens {
		t.revoked = t.revoked || t.by == id
	}
	return ""
}

func (m *model) missing(id identity.NodeID) string {
	if m.dead[id] {
		return CodeNodeRemoved
	}
	return CodeNodeUnknown
}

func code(err error) string {
	var r *consensus.Refusal
	switch {
	case err == nil:
		return ""
	case errors.As(err, &r):
		return r.Code
	}
	return err.Error()
}

// Whatever is asked in whatever order, the roster answers as the model does,
// its lists keep to their rules, and a trust that follows it, now and then from
// an old copy, never goes back.
func TestRosterIsTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ctx := t.Context()
		now := stageStart
		var seen []*Roster
		part := NewPart(func(r *Roster) { seen = append(seen, r) })
		state := consensustest.New(part)
		state.Now = func() time.Time { return now }
		svc := NewService(state)
		m := &model{now: now, members: map[identity.NodeID]*modelMember{}, dead: map[identity.NodeID]bool{}, deadPin: map[identity.Pin]bool{},
			retired: map[string]bool{}, seats: map[string]identity.NodeID{"r0": "a"}, tokens: map[string]*modelToken{}}
		founder := Admission{ID: "a", Name: "n", Pin: testPin(1), RaftID: "r0"}.member()
		if _, err := svc.Found(ctx, Founding{MeshID: NewMeshID(), MeshName: "m", Member: founder}); err != nil {
			rt.Fatal(err)
		}
		m.members["a"] = &modelMember{pin: testPin(1), raft: "r0"}
		trust, tokens := &Roster{}, 0

		id := rapid.SampledFrom([]identity.NodeID{"a", "b", "c", "d"})
		token := rapid.Custom(func(t *rapid.T) string { return testToken(rapid.IntRange(0, 5).Draw(t, "token")) })
		expect := func(what string, err error, want string) {
			if got := code(err); got != want {
				rt.Fatalf("%s: %q, the model says %q", what, got, want)
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"time": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 50).Draw(rt, "minutes")) * time.Minute)
				m.now = now
			},
			"token": func(rt *rapid.T) {
				by, uses := id.Draw(rt, "by"), rapid.IntRange(1, 2).Draw(rt, "uses")
				want := ""
				if m.members[by] == nil {
					want = m.missing(by)
				}
				_, err := propose1[Token](ctx, svc, kindCreateToken, createToken{ID: testToken(tokens), PublicKey: make([]byte, 32), Role: RoleMember,
					Uses: uint32(uses), TTLMillis: time.Hour.Milliseconds(), CreatedBy: by})
				expect("token", err, want)
				if err == nil {
					m.tokens[testToken(tokens)] = &modelToken{left: uses, expires: now.Add(time.Hour), by: by}
					tokens++
				}
			},
			"revoke": func(rt *rapid.T) {
				tid, want := token.Draw(rt, "id"), ""
				if mt := m.tokens[tid]; mt != nil {
					mt.revoked = true
				} else {
					want = CodeTokenUnknown
				}
				_, err := svc.RevokeToken(ctx, tid)
				expect("revoke", err, want)
			},
			"admit": func(rt *rapid.T) {
				a := Admission{TokenID: token.Draw(rt, "token"), ID: id.Draw(rt, "id"), Name: "n", Pin: testPin(rapid.IntRange(1, 4).Draw(rt, "pin")),
					RaftID: fmt.Sprintf("r%d", rapid.IntRange(0, 6).Draw(rt, "raft")), Role: RoleMember, Level: consensus.Level}
				want := m.admit(a)
				_, checked := svc.Check(ctx, a, now)
				expect("check", checked, want)
				got, err := svc.Admit(ctx, a)
				expect("admit", err, want)
				if err == nil && (got.Member.ID != a.ID || got.Member.RaftID != a.RaftID) {
					rt.Fatalf("admitted %+v for %+v", got, a)
				}
			},
			"leave": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.leave(n)
				_, err := svc.Leave(ctx, n)
				expect("leave", err, want)
			},
			"vacate": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.vacate(n)
				_, err := svc.Vacate(ctx, n)
				expect("vacate", err, want)
			},
			"stay": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.stay(n)
				_, err := svc.Stay(ctx, n)
				expect("stay", err, want)
			},
			"spare": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.spare(n)
				_, err := svc.Spare(ctx, n)
				expect("spare", err, want)
			},
			"forget": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.forget(n)
				_, err := svc.Forget(ctx, n)
				expect("forget", err, want)
			},
			"remove": func(rt *rapid.T) {
				n := id.Draw(rt, "id")
				want := m.remove(n)
				_, err := svc.Remove(ctx, n)
				expect("remove", err, want)
			},
			"trust": func(rt *rapid.T) {
				r := rapid.SampledFrom(seen).Draw(rt, "roster")
				next, err := merge(trust, r)
				if err != nil {
					rt.Fatal(err)
				}
				if next.Revision < trust.Revision || next.Revision < r.Revision {
					rt.Fatalf("trust went back from %d to %d on %d", trust.Revision, next.Revision, r.Revision)
				}
				for _, d := range append(slices.Clone(trust.Tombstones), r.Tombstones...) {
					if _, ok := next.Removed(d.ID); !ok {
						rt.Fatalf("the tombstone of %s is lost", d.ID)
					}
				}
				if _, err := DecodeRoster(next.Encode()); err != nil {
					rt.Fatal(err)
				}
				trust = next
			},
			"": func(rt *rapid.T) {
				r := part.Roster()
				if len(r.Members) != len(m.members) || len(r.Tombstones) != len(m.dead) {
					rt.Fatalf("%s, the model has %d members and %d dead", brief(r), len(m.members), len(m.dead))
				}
				for _, mm := range r.Members {
					want := m.members[mm.ID]
					if want == nil || mm.Pins[0] != want.pin || mm.RaftID != want.raft || mm.Leaving != want.leaving || mm.Removing != want.removing {
						rt.Fatalf("%s, the model has %+v for %s", brief(r), want, mm.ID)
					}
				}
				if _, err := DecodeRoster(r.Encode()); err != nil {
					rt.Fatalf("%s: %v", brief(r), err)
				}
				for i, s := range seen[1:] {
					if s.Revision <= seen[i].Revision {
						rt.Fatal("a revision of the roster was told twice")
					}
				}
				list, err := svc.Tokens(ctx)
				if err != nil {
					rt.Fatal(err)
				}
				for _, tk := range list {
					if mt := m.tokens[tk.ID]; int(tk.Uses-tk.Used) != mt.left || (tk.RevokedAt != 0) != mt.revoked {
						rt.Fatalf("token %+v, the model has %+v", tk, mt)
					}
				}
			},
		})
	})
}

// Two machines race for a token that is good for one.
func TestSingleUseTokenAdmitsOne(t *testing.T) {
	s := newStage(t)
	s.do("found id=a pin=1")
	s.do("token id=1 by=a")
	const racers = 8
	errs := make([]error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			_, errs[i] = s.svc.Admit(t.Context(), Admission{TokenID: testToken(1), ID: identity.NodeID(fmt.Sprintf("n%d", i)), Name: "same",
				Pin: testPin(10 + i), RaftID: fmt.Sprintf("r%d", i), Role: RoleMember, Level: consensus.Level})
		})
	}
	wg.Wait()
	in := 0
	for _, err := range errs {
		switch code(err) {
		case "":
			in++
		case CodeTokenUsedUp:
		default:
			t.Error(err)
		}
	}
	if in != 1 || len(s.part.Roster().Members) != 2 {
		t.Fatalf("%d admitted, roster %s", in, brief(s.part.Roster()))
	}
}
