package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"pgregory.net/rapid"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

type stage struct {
	*Service
	state *recorder
	now   time.Time
}

// recorder keeps what would stand in the log and in answers.
type recorder struct {
	*consensustest.Local
	seen bytes.Buffer
	mu   sync.Mutex
}

func (r *recorder) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	out, err := r.Local.Propose(ctx, p)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Write(p.Body)
	r.seen.Write(out.Result)
	return out, err
}

func newStage(t *testing.T, env string) *stage {
	t.Helper()
	part := NewPart()
	s := &stage{state: &recorder{Local: consensustest.New(part)}, now: start}
	s.state.Now = func() time.Time { return s.now }
	svc, err := NewService(s.state, part, env)
	if err != nil {
		t.Fatal(err)
	}
	s.Service = svc
	return s
}

func code(err error) string {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return fmt.Sprint(err)
}

func TestAKeyOpensUntilItIsRevoked(t *testing.T) {
	s := newStage(t, "")
	info, key, err := s.Create(t.Context(), "ci", RoleUser, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^mk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$`).MatchString(key) || !strings.HasPrefix(key, "mk_"+info.ID+"_") {
		t.Fatal("the key is misshapen")
	}
	p, err := s.Authenticate(key)
	if err != nil || p.ID != info.ID || p.Name != "ci" || p.Role != RoleUser || p.Kind != KindKey || p.Scopes != nil {
		t.Fatal(p, err)
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != info.ID || list[0].CreatedBy != "operator" || list[0].CreatedAt != start.UnixMilli() {
		t.Fatal(list, err)
	}
	s.now = s.now.Add(time.Hour)
	for range 2 {
		r, err := s.Revoke(t.Context(), info.ID)
		if err != nil || r.Key.RevokedAt != start.Add(time.Hour).UnixMilli() || r.LastAdmin {
			t.Fatal(r, err)
		}
		s.now = s.now.Add(time.Hour)
	}
	if _, err := s.Authenticate(key); !errors.Is(err, ErrBadCredential) {
		t.Fatal(err)
	}
	if _, err := s.Revoke(t.Context(), "000000000000"); code(err) != CodeKeyUnknown {
		t.Fatal(err)
	}
}

func TestNoSecretReachesTheLog(t *testing.T) {
	s := newStage(t, "")
	_, key, err := s.CreateKey(t.Context(), NewKey{Name: "ci", Role: RoleUser, Scopes: []string{"b", "a", "b"}, CreatedBy: "me"})
	if err != nil {
		t.Fatal(err)
	}
	secret := key[len("at_0123456789ab_"):]
	if len(secret) != 43 || strings.Contains(s.state.seen.String(), secret[:10]) || strings.Contains(s.state.seen.String(), secret[20:30]) {
		t.Fatal("the secret is in the log")
	}
	if !strings.HasPrefix(key, "at_") {
		t.Fatal("a scoped key looks like any other")
	}
	if p, err := s.Authenticate(key); err != nil || !slices.Equal(p.Scopes, []string{"a", "b"}) {
		t.Fatal(p, err)
	}
}

// replaying answers every proposal with what was said before.
type replaying struct {
	consensus.State
	result []byte
}

func (r replaying) Propose(context.Context, consensus.Proposal) (consensus.Outcome, error) {
	return consensus.Outcome{Result: r.result, Replayed: true}, nil
}

func TestARepeatedCreateShowsNoSecret(t *testing.T) {
	first := KeyInfo{ID: "0123456789ab", Name: "ci", Role: RoleUser}
	svc, err := NewService(replaying{result: consensus.Encode(first)}, NewPart(), "")
	if err != nil {
		t.Fatal(err)
	}
	info, key, err := svc.CreateKey(t.Context(), NewKey{Name: "ci", Role: RoleUser, Idempotency: &consensus.IdempotencyKey{Key: "k"}})
	if code(err) != CodeShownOnce || key != "" || info.ID != first.ID {
		t.Fatal(info, key, err)
	}
}

func TestCredentialsThatOpenNothing(t *testing.T) {
	env := strings.Repeat("e", 40)
	s := newStage(t, env)
	info, key, err := s.Create(t.Context(), "ci", RoleAdmin, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authenticate(""); !errors.Is(err, ErrNoCredential) {
		t.Fatal(err)
	}
	last := byte('A')
	if key[len(key)-1] == 'A' {
		last = 'B'
	}
	for name, c := range map[string]string{
		"a word": "hello", "prefix": "mk_", "id only": "mk_" + info.ID + "_", "another id": "mk_000000000000" + key[15:],
		"another secret": key[:len(key)-1] + string(last), "longer": key + "A", "shorter": key[:len(key)-1], "another prefix": "at" + key[2:],
		"hash of nothing": "mk_" + info.ID + "_" + strings.Repeat("A", 43), "zeros": strings.Repeat("\x00", 59), "endless": strings.Repeat("x", 1<<20),
		"env, one less": env[1:], "env, one more": env + "e", "bearer": "Bearer " + key,
	} {
		if p, err := s.Authenticate(c); !errors.Is(err, ErrBadCredential) || p.Role != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvironmentKey(t *testing.T) {
	for _, bad := range []string{"short", strings.Repeat("x", 31), strings.Repeat("x", 40) + "\n", strings.Repeat("ü", 40), strings.Repeat("x", 513)} {
		_, err := NewService(consensustest.New(), NewPart(), bad)
		if err == nil || strings.Contains(err.Error(), bad) || !strings.Contains(err.Error(), "MESHD_API_KEY") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	env := strings.Repeat("x", 32)
	p, err := newStage(t, env).Authenticate(env)
	if err != nil || p.ID != "env" || p.Role != RoleAdmin || p.Kind != KindEnv {
		t.Fatal(p, err)
	}
	if _, err := newStage(t, "").Authenticate(env); !errors.Is(err, ErrBadCredential) {
		t.Fatal(err)
	}
}

func TestRevokingTheLastAdminKeyIsSaid(t *testing.T) {
	s := newStage(t, "")
	var ids []string
	for _, r := range []Role{RoleAdmin, RoleUser, RoleAdmin} {
		info, _, err := s.Create(t.Context(), "k", r, nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, info.ID)
	}
	if r, err := s.Revoke(t.Context(), ids[0]); err != nil || r.LastAdmin {
		t.Fatal(r, err)
	}
	if r, err := s.Revoke(t.Context(), ids[2]); err != nil || !r.LastAdmin {
		t.Fatal(r, err)
	}
	if r, err := s.Revoke(t.Context(), ids[1]); err != nil || r.LastAdmin {
		t.Fatal(r, err)
	}
}

func TestKeysOutOfBounds(t *testing.T) {
	s := newStage(t, "")
	many := make([]string, MaxScopes+1)
	for i := range many {
		many[i] = fmt.Sprintf("scope:%d", i)
	}
	for name, c := range map[string]struct {
		key  NewKey
		want string
	}{
		"no name":      {NewKey{Name: " ", Role: RoleUser}, CodeNameInvalid},
		"long name":    {NewKey{Name: strings.Repeat("ü", 129), Role: RoleUser}, CodeNameInvalid},
		"line in name": {NewKey{Name: "a\nb", Role: RoleUser}, CodeNameInvalid},
		"bytes":        {NewKey{Name: "a\xff", Role: RoleUser}, CodeNameInvalid},
		"no role":      {NewKey{Name: "k"}, CodeRoleUnsupported},
		"king":         {NewKey{Name: "k", Role: "king"}, CodeRoleUnsupported},
		"empty scope":  {NewKey{Name: "k", Role: RoleUser, Scopes: []string{""}}, CodeScopeInvalid},
		"spaced scope": {NewKey{Name: "k", Role: RoleUser, Scopes: []string{"a b"}}, CodeScopeInvalid},
		"long scope":   {NewKey{Name: "k", Role: RoleUser, Scopes: []string{strings.Repeat("x", 129)}}, CodeScopeInvalid},
		"many scopes":  {NewKey{Name: "k", Role: RoleUser, Scopes: many}, CodeScopeInvalid},
		"creator":      {NewKey{Name: "k", Role: RoleUser, CreatedBy: strings.Repeat("x", 129)}, CodeInvalid},
	} {
		if _, key, err := s.CreateKey(t.Context(), c.key); code(err) != c.want || key != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := s.CreateKey(t.Context(), NewKey{Name: strings.Repeat("ü", 128), Role: RoleUser, Scopes: many[:MaxScopes]}); err != nil {
		t.Error(err)
	}
}

func TestCommandsOfALaterVersion(t *testing.T) {
	s := newStage(t, "")
	for name, body := range map[string][]byte{
		"kind":    consensus.Encode(envelope{Kind: 99, Body: consensus.Encode(1)}),
		"field":   consensus.Encode(envelope{Kind: kindRevoke, Body: consensus.Encode(map[int]int{99: 1})}),
		"garbage": {0xff},
	} {
		_, err := s.state.Propose(t.Context(), consensus.Proposal{Part: PartName, Body: body})
		if code(err) != CodeUpgradeNode {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevokedKeysGoAwayInTheEnd(t *testing.T) {
	s := newStage(t, "")
	old, _, err := s.Create(t.Context(), "old", RoleUser, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revoke(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{30 * 24 * time.Hour, 2}, {time.Hour, 2}, {time.Hour, 3}} {
		s.now = s.now.Add(c.after)
		if _, _, err := s.Create(t.Context(), "new", RoleUser, nil); err != nil {
			t.Fatal(err)
		}
		list, err := s.List(t.Context())
		if err != nil || len(list) != c.want {
			t.Fatal(len(list), c.want, err)
		}
	}
}

func TestRoles(t *testing.T) {
	all := []Role{RoleAdmin, RoleUser, RoleViewer, RoleAgent, "", "king"}
	allows := map[Role]string{RoleAdmin: "1111", RoleUser: "0111", RoleViewer: "0010", RoleAgent: "0011"}
	for _, r := range all {
		for i, need := range all {
			want := i < 4 && allows[r] != "" && allows[r][i] == '1'
			if r.Allows(need) != want {
				t.Errorf("%q allows %q: %v", r, need, !want)
			}
		}
		if r.Valid() != (allows[r] != "") {
			t.Error(r)
		}
	}
}

// Whatever is made and revoked, exactly the keys not revoked open, also on a
// node that has the state only.
func TestKeysAreTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newStage(t, "")
		type held struct {
			key     string
			id      string
			role    Role
			revoked bool
		}
		var keys []*held
		rt.Repeat(map[string]func(*rapid.T){
			"create": func(rt *rapid.T) {
				role := rapid.SampledFrom([]Role{RoleAdmin, RoleUser}).Draw(rt, "role")
				info, key, err := s.Create(t.Context(), "k", role, nil)
				if err != nil {
					rt.Fatal(err)
				}
				keys = append(keys, &held{key: key, id: info.ID, role: role})
			},
			"revoke": func(rt *rapid.T) {
				if len(keys) == 0 {
					rt.Skip()
				}
				k := rapid.SampledFrom(keys).Draw(rt, "key")
				r, err := s.Revoke(t.Context(), k.id)
				k.revoked = true
				admins := slices.ContainsFunc(keys, func(k *held) bool { return k.role == RoleAdmin && !k.revoked })
				if err != nil || r.LastAdmin != (k.role == RoleAdmin && !admins) {
					rt.Fatal(r, err)
				}
			},
			"": func(rt *rapid.T) {
				other := NewPart()
				if _, err := s.state.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error { other.Reset(r); return nil }); err != nil {
					rt.Fatal(err)
				}
				elsewhere, err := NewService(s.state, other, "")
				if err != nil {
					rt.Fatal(err)
				}
				for _, k := range keys {
					for _, svc := range []*Service{s.Service, elsewhere} {
						if p, err := svc.Authenticate(k.key); (err == nil) == k.revoked || (err == nil && (p.ID != k.id || p.Role != k.role)) {
							rt.Fatal(p, err)
						}
					}
				}
			},
		})
	})
}

func TestAuthenticateWhileKeysChange(t *testing.T) {
	s := newStage(t, "")
	_, key, err := s.Create(t.Context(), "stays", RoleUser, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					if _, err := s.Authenticate(key); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	for range 50 {
		if _, _, err := s.Create(t.Context(), "more", RoleUser, nil); err != nil {
			t.Error(err)
		}
	}
	close(done)
	wg.Wait()
}

func FuzzAuthenticate(f *testing.F) {
	part := NewPart()
	svc, err := NewService(consensustest.New(part), part, "")
	if err != nil {
		f.Fatal(err)
	}
	_, key, err := svc.Create(context.Background(), "k", RoleUser, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("")
	f.Add("mk_0123456789ab_" + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := svc.Authenticate(s); err == nil && s != key {
			t.Fatalf("%q opens", s)
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add(consensus.Encode(envelope{Kind: kindRevoke, Body: consensus.Encode(revoke{ID: "0123456789ab"})}))
	f.Add(consensus.Encode(envelope{Kind: kindCreate, Body: consensus.Encode(create{ID: "0123456789ac", Name: "k", Role: RoleAdmin})}))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newStage(t, "")
		if _, err := s.state.Propose(t.Context(), consensus.Proposal{Part: PartName, Body: body}); err != nil && !strings.Contains("KEY_UNKNOWN KEY_EXISTS NAME_INVALID SCOPE_INVALID ROLE_UNSUPPORTED INVALID TOO_MANY UPGRADE_NODE", code(err)) {
			t.Fatal(err)
		}
		if _, err := s.List(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// An administrator is known by the id of the principal alone, until its key is
// revoked.
func TestWhoIsAnAdministrator(t *testing.T) {
	s := newStage(t, "")
	admin, _, err := s.Create(t.Context(), "a", RoleAdmin, nil)
	if err != nil {
		t.Fatal(err)
	}
	user, _, err := s.Create(t.Context(), "u", RoleUser, nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{admin.ID: true, user.ID: false, "operator": true, "env": true, "": false, "none": false} {
		if s.Admin(id) != want {
			t.Errorf("%q: not %v", id, want)
		}
	}
	if _, err := s.Revoke(t.Context(), admin.ID); err != nil || s.Admin(admin.ID) {
		t.Error("a revoked key is an administrator's", err)
	}
}

// What a request with a credential costs beside everything else it does.
func BenchmarkAuthenticate(b *testing.B) {
	part := NewPart()
	svc, err := NewService(consensustest.New(part), part, strings.Repeat("e", 32))
	if err != nil {
		b.Fatal(err)
	}
	_, key, err := svc.Create(b.Context(), "k", RoleUser, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := svc.Authenticate(key); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTheListOfKeysIsBounded(t *testing.T) {
	mem := consensustest.NewMemory()
	o := consensus.NewOverlay(mem)
	o.Put(tableMeta, keyMeta, consensus.Encode(meta{Keys: MaxKeys}))
	mem.Flush(o.Writes())
	body := consensus.Encode(envelope{Kind: kindCreate, Body: consensus.Encode(create{ID: "0123456789ab", Name: "k", Role: RoleUser})})
	if _, err := NewPart().Apply(consensus.NewOverlay(mem), consensus.Command{Body: body, Revision: 1, Time: start}); code(err) != CodeTooMany {
		t.Error(err)
	}
}
