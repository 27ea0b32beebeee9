package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

func proposal(body []byte) consensus.Proposal { return consensus.Proposal{Part: PartName, Body: body} }

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 63)
	for in, want := range map[string]string{
		"box": "box", " Box ": "box", "Laptop.lan": "laptop.lan", "0": "0", long: long,
		"": "", "-x": "", ".x": "", "a b": "", "ü": "", long + "x": "", "a_b": "",
	} {
		got, err := CleanName(in)
		if (err == nil) != (want != "") || (err == nil && got != want) || (err != nil && code(err) != CodeNameInvalid) {
			t.Errorf("CleanName(%q) = %q, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"Box": "box", "MY_Laptop": "my-laptop", "Jörg's iMac": "j-rg-s-imac", "": "node", "___": "node",
		strings.Repeat("ab_", 40): strings.TrimRight(strings.Repeat("ab-", 21), "-"), "host.": "host",
	} {
		got := NameFromHost(in)
		if got != want || checkName(got) != nil {
			t.Errorf("NameFromHost(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for in, ok := range map[string]bool{
		"10.0.0.1:7443": true, "[::1]:1": true, "[fe80::1%eth0]:7443": true, "box.example:65535": true, "box:1": true,
		"": false, "box": false, ":7443": false, "box:": false, "box:0": false, "box:65536": false, "box:-1": false, "box:+1": false, "box:01": false,
		"box:http": false, "::1:7443": false, "a b:1": false, "a\n:1": false, "user@box:1": false, "http://box:1": false, "bö:1": false,
		strings.Repeat("x", 254) + ":1": false,
	} {
		if err := CheckAddress(in); (err == nil) != ok {
			t.Errorf("CheckAddress(%q) = %v", in, err)
		}
	}
	if err := checkAddresses(slices.Repeat([]string{"a:1"}, 17)); err == nil {
		t.Error("17 addresses")
	}
}

func TestNamesAreNumberedWithinTheirLength(t *testing.T) {
	s := newStage(t)
	long := strings.Repeat("x", 63)
	s.do("found id=a pin=1 name=" + long)
	s.do("token id=1 by=a uses=20")
	for i := range 11 {
		s.do(fmt.Sprintf("admit id=n%d pin=%d name=%s", i, i+10, long))
	}
	names := map[string]bool{}
	for _, m := range s.part.Roster().Members {
		names[m.Name] = true
	}
	if len(names) != 12 || !names[long[:61]+"-2"] || !names[long[:60]+"-12"] {
		t.Error(names)
	}
}

func TestCreateTokenGivesTheSecretOnce(t *testing.T) {
	s := newStage(t)
	n := NewToken{TTL: time.Hour, Uses: 2, Name: "lab", CreatedBy: "a", Pins: []identity.Pin{testPin(1)}, Addresses: []string{"10.0.0.1:7443"}}
	if _, _, err := s.svc.CreateToken(t.Context(), n); code(err) != CodeMeshMissing {
		t.Fatal(err)
	}
	s.do("found id=a pin=1")
	token, join, err := s.svc.CreateToken(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	if token.ID != join.ID || !slices.Equal(token.PublicKey, join.PublicKey()) || token.Role != RoleMember || join.MeshID != s.part.Roster().MeshID {
		t.Fatalf("%+v %+v", token, join)
	}
	if got, err := s.svc.Token(t.Context(), token.ID); err != nil || got.Name != "lab" || got.Uses != 2 {
		t.Fatal(got, err)
	}
	if _, err := s.svc.Token(t.Context(), testToken(9)); code(err) != CodeTokenUnknown {
		t.Fatal(err)
	}
	if got, err := ParseJoinToken(join.String()); err != nil || !sameToken(got, join) {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*NewToken){
		"no addresses": func(n *NewToken) { n.Addresses = nil },
		"no pins":      func(n *NewToken) { n.Pins = nil },
		"bad address":  func(n *NewToken) { n.Addresses = []string{"x"} },
		"no uses":      func(n *NewToken) { n.Uses = 0 },
		"no time":      func(n *NewToken) { n.TTL = 0 },
		"long name":    func(n *NewToken) { n.Name = strings.Repeat("x", 129) },
		"bad name":     func(n *NewToken) { n.Name = "a\x00b" },
	} {
		n := n
		change(&n)
		if _, j, err := s.svc.CreateToken(t.Context(), n); err == nil || j.ID != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	svc := NewService(replaying{s.state, consensus.Encode(token)})
	if got, join, err := svc.CreateToken(t.Context(), n); code(err) != CodeShownOnce || got.ID != token.ID || join.ID != "" {
		t.Fatal(got, join.ID, err)
	}
}

// replaying answers every proposal with what was said before.
type replaying struct {
	consensus.State
	result []byte
}

func (r replaying) Propose(_ context.Context, _ consensus.Proposal) (consensus.Outcome, error) {
	return consensus.Outcome{Result: r.result, Replayed: true}, nil
}

func TestRosterReads(t *testing.T) {
	s := newStage(t)
	if r, err := s.svc.Roster(t.Context(), consensus.ReadOptions{}); err != nil || r.MeshID != "" {
		t.Fatal(r, err)
	}
	s.do("found id=a pin=1 name=Alpha")
	r, err := s.svc.Roster(t.Context(), consensus.ReadOptions{})
	if err != nil || brief(r) != brief(s.part.Roster()) {
		t.Fatal(r, err)
	}
	if m, ok := r.ByName("ALPHA"); !ok || m.ID != "a" {
		t.Fatal(m, ok)
	}
	if m, ok := r.ByID("a"); !ok || m.Name != "alpha" {
		t.Fatal(m, ok)
	}
	if _, ok := r.ByID("b"); ok {
		t.Fatal("a stranger")
	}
	// A part over a state that is there already knows it at once.
	part := NewPart(nil)
	if _, err := s.state.View(t.Context(), consensus.ReadOptions{}, func(r consensus.Reader) error { part.Reset(r); return nil }); err != nil {
		t.Fatal(err)
	}
	if brief(part.Roster()) != brief(r) {
		t.Fatal(brief(part.Roster()))
	}
}

func TestResolveByParsedID(t *testing.T) {
	id := identity.MintNodeID(testPin(1))
	r := rosterAt(1, []int{1, 2}, nil)
	r.Members[0].ID = id
	for _, ref := range []string{string(id), strings.ToUpper(string(id)), strings.ReplaceAll(string(id), "-", ""), string(id)[:8], "n1", " N1 "} {
		if m, err := r.Resolve(ref); err != nil || m.ID != id {
			t.Errorf("%q: %v %v", ref, m.ID, err)
		}
	}
	if _, err := r.Resolve(""); code(err) != CodeNodeUnknown {
		t.Error(err)
	}
}

func TestRosterOutOfBounds(t *testing.T) {
	for name, change := range map[string]func(*Roster){
		"mesh id":             func(r *Roster) { r.MeshID = "x" },
		"mesh name":           func(r *Roster) { r.MeshName = " " },
		"order":               func(r *Roster) { slices.Reverse(r.Members) },
		"order of tombstones": func(r *Roster) { slices.Reverse(r.Tombstones) },
		"twice":               func(r *Roster) { r.Members[1].ID = r.Members[0].ID },
		"same name":           func(r *Roster) { r.Members[1].Name = r.Members[0].Name },
		"same seat":           func(r *Roster) { r.Members[1].RaftID = r.Members[0].RaftID },
		"same key":            func(r *Roster) { r.Members[1].Pins = r.Members[0].Pins },
		"removed":             func(r *Roster) { r.Tombstones[0].ID = r.Members[0].ID },
		"removed key":         func(r *Roster) { r.Tombstones[0].Pins = r.Members[0].Pins },
		"dead id":             func(r *Roster) { r.Tombstones[0].ID = "" },
		"dead name":           func(r *Roster) { r.Tombstones[0].Name = strings.Repeat("x", 64) },
		"no pins":             func(r *Roster) { r.Members[0].Pins = nil },
		"pin twice":           func(r *Roster) { r.Members[0].Pins = slices.Repeat(r.Members[0].Pins, 2) },
		"many addresses":      func(r *Roster) { r.Members[0].Addresses = slices.Repeat(r.Members[0].Addresses, 17) },
		"version":             func(r *Roster) { r.Members[0].Version = strings.Repeat("x", 129) },
		"recipient":           func(r *Roster) { r.Members[0].Recipient = strings.Repeat("x", 4097) },
		"edge":                func(r *Roster) { r.Members[0].Role = RoleEdge },
	} {
		r := rosterAt(1, []int{1, 2}, []int{8, 9})
		change(r)
		if _, err := DecodeRoster(r.Encode()); err == nil {
			t.Error(name)
		}
	}
}

func TestReplicasFollowTheRoster(t *testing.T) {
	r := rosterAt(1, []int{1, 2, 3, 4}, []int{9})
	r.Members[1].NoVote, r.Members[2].Leaving, r.Members[3].Role = true, true, RoleEdge
	want := []consensus.Replica{{RaftID: "r1"}, {RaftID: "r2", NoVote: true}, {RaftID: "r3", Leaving: true}}
	if got := r.Replicas(); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
