package roster

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/identity"
)

var rewrite = flag.Bool("rewrite", false, "write what happens into testdata/scripts as what is expected")

// TestScripts plays commands from testdata/scripts. A block is one command a
// line, then "----", then the trace they leave, up to an empty line.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playScript(t, string(data))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(data) {
				t.Errorf("%s tells another story now; see with -rewrite and git diff. Now:\n%s", file, got)
			}
		})
	}
}

func playScript(t *testing.T, script string) string {
	s := newStage(t)
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimRight(script, "\n")+"\n", "\n\n") {
		commands, _, isBlock := strings.Cut(block+"\n", "----\n")
		commands = strings.TrimRight(commands, "\n") + "\n"
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(commands)
		if !isBlock {
			continue
		}
		out.WriteString("----\n")
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				s.do(line)
			}
		}
		out.WriteString(s.trace.String())
		s.trace.Reset()
	}
	return out.String()
}

// stage is one state with a clock that stands still unless told.
type stage struct {
	t     *testing.T
	state *consensustest.Local
	svc   *Service
	part  *Part
	now   time.Time
	trace strings.Builder
}

var stageStart = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func newStage(t *testing.T) *stage {
	s := &stage{t: t, now: stageStart}
	s.part = NewPart(func(r *Roster) { fmt.Fprintf(&s.trace, "  roster %s\n", brief(r)) })
	s.state = consensustest.New(s.part)
	s.state.Now = func() time.Time { return s.now }
	s.svc = NewService(s.state)
	return s
}

func brief(r *Roster) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:", r.Revision)
	for _, m := range r.Members {
		fmt.Fprintf(&b, " %s=%s/%s", m.ID, m.Name, m.RaftID)
		if m.Leaving {
			b.WriteString("(leaving)")
		}
		if m.Removing {
			b.WriteString("(removing)")
		}
	}
	for _, d := range r.Tombstones {
		fmt.Fprintf(&b, " †%s", d.ID)
	}
	return b.String()
}

type args map[string]string

func (a args) or(key, def string) string {
	if v, ok := a[key]; ok {
		return v
	}
	return def
}

func (s *stage) num(v string) int {
	n, err := strconv.Atoi(v)
	if err != nil {
		s.t.Fatalf("%q is no number", v)
	}
	return n
}

func testPin(n int) (p identity.Pin) {
	p[0], p[31] = byte(n), byte(n>>8)
	return p
}

func testToken(n int) string { return fmt.Sprintf("%016x", n) }

func (s *stage) admission(a args) Admission {
	return Admission{TokenID: testToken(s.num(a.or("token", "1"))), ID: identity.NodeID(a["id"]), Name: a.or("name", a["id"]),
		Pin: testPin(s.num(a.or("pin", "0"))), RaftID: a.or("raft", "r-"+a["id"]), Addresses: []string{a.or("at", "10.0.0.1:7443")},
		Role: Role(a.or("role", "member")), Version: a.or("version", "1.0"), Level: consensus.Level}
}

func (s *stage) do(line string) {
	fields := strings.Fields(line)
	a := args{}
	for _, f := range fields[1:] {
		k, v, _ := strings.Cut(f, "=")
		a[k] = v
	}
	id := identity.NodeID(a["id"])
	ctx := s.t.Context()
	show := func(v any, err error) {
		var r *consensus.Refusal
		switch {
		case errors.As(err, &r):
			fmt.Fprintf(&s.trace, "%s → %s: %s\n", line, r.Code, r.Sentence)
		case err != nil:
			fmt.Fprintf(&s.trace, "%s → error: %v\n", line, err)
		default:
			fmt.Fprintf(&s.trace, "%s → %s\n", line, told(v))
		}
	}
	switch fields[0] {
	case "wait":
		d, err := time.ParseDuration(a["for"])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
	case "found":
		m := s.admission(a).member()
		show(s.svc.Found(ctx, Founding{MeshID: strings.Repeat(a.or("mesh", "0"), 32), MeshName: "home", Member: m}))
	case "token":
		ttl, err := time.ParseDuration(a.or("ttl", "1h"))
		if err != nil {
			s.t.Fatal(err)
		}
		show(propose1[Token](ctx, s.svc, kindCreateToken, createToken{ID: testToken(s.num(a["id"])), PublicKey: bytes.Repeat([]byte{7}, 32),
			Role: Role(a.or("role", "member")), Uses: uint32(s.num(a.or("uses", "1"))), TTLMillis: ttl.Milliseconds(), CreatedBy: identity.NodeID(a["by"])}))
	case "revoke":
		show(s.svc.RevokeToken(ctx, testToken(s.num(a["id"]))))
	case "tokens":
		tokens, err := s.svc.Tokens(ctx)
		for _, t := range tokens {
			fmt.Fprintf(&s.trace, "  %s %s used %d/%d\n", t.ID, t.Condition(s.now), t.Used, t.Uses)
		}
		if err != nil || len(tokens) == 0 {
			show("none", err)
		}
	case "check":
		_, err := s.svc.Check(ctx, s.admission(a), s.now)
		show("would be admitted", err)
	case "admit":
		show(s.svc.Admit(ctx, s.admission(a)))
	case "update":
		c := Change{ID: id}
		if v, ok := a["name"]; ok {
			c.Name = &v
		}
		if v, ok := a["version"]; ok {
			c.Version = &v
		}
		if v, ok := a["at"]; ok {
			as := strings.Split(v, ",")
			c.Addresses = &as
		}
		show(s.svc.Update(ctx, c))
	case "reseat":
		show(s.svc.Reseat(ctx, id, a["old"], a["new"]))
	case "leave":
		show(s.svc.Leave(ctx, id))
	case "stay":
		show(s.svc.Stay(ctx, id))
	case "vacate":
		show(s.svc.Vacate(ctx, id))
	case "spare":
		show(s.svc.Spare(ctx, id))
	case "forget":
		show(s.svc.Forget(ctx, id))
	case "remove":
		show(s.svc.Remove(ctx, id))
	case "resolve":
		show(s.part.Roster().Resolve(a["ref"]))
	case "command":
		show(propose1[Member](ctx, s.svc, kind(s.num(a["kind"])), struct{}{}))
	case "field":
		show(propose1[Member](ctx, s.svc, kindLeave, struct {
			ID  string `cbor:"1,keyasint"`
			New int    `cbor:"99,keyasint"`
		}{a["id"], 1}))
	default:
		s.t.Fatalf("unknown command %q", line)
	}
}

// told is what a script says of a result.
func told(v any) string {
	switch v := v.(type) {
	case Member:
		return fmt.Sprintf("%s is %s at %s, raft %s, version %s, since %d", v.ID, v.Name, strings.Join(v.Addresses, ","), v.RaftID, v.Version, v.JoinedRevision)
	case Admitted:
		var b strings.Builder
		b.WriteString(told(v.Member))
		if v.Renamed {
			b.WriteString(" renamed")
		}
		if v.Reintroduced {
			b.WriteString(" reintroduced")
		}
		if v.Repeated {
			b.WriteString(" repeated")
		}
		return b.String()
	case Token:
		return fmt.Sprintf("token %s %s until %s", v.ID, v.Role, time.UnixMilli(v.ExpiresAt).UTC().Format(time.RFC3339))
	case Tombstone:
		return fmt.Sprintf("†%s %s with %d pins, raft %s", v.ID, v.Name, len(v.Pins), v.RaftID)
	}
	return fmt.Sprint(v)
}
