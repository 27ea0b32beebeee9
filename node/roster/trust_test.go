package roster

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/meshd/meshd/node/identity"
)

// rosterAt makes a valid roster of members and of tombstones by number.
func rosterAt(revision uint64, members, dead []int) *Roster {
	r := &Roster{MeshID: strings.Repeat("a", 32), MeshName: "home", Revision: revision}
	for _, n := range members {
		r.Members = append(r.Members, Member{ID: nid(n), Name: fmt.Sprintf("n%d", n), Pins: []identity.Pin{testPin(n)}, RaftID: fmt.Sprintf("r%d", n),
			Addresses: []string{"10.0.0.1:7443"}, Role: RoleMember})
	}
	for _, n := range dead {
		r.Tombstones = append(r.Tombstones, Tombstone{ID: nid(n), Pins: []identity.Pin{testPin(n)}})
	}
	return r
}

func nid(n int) identity.NodeID { return identity.NodeID(fmt.Sprintf("id%03d", n)) }

func openTrust(t *testing.T, dir string) *Trust {
	t.Helper()
	trust, err := OpenTrust(dir)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func accept(t *testing.T, trust *Trust, r *Roster) {
	t.Helper()
	if err := trust.Accept(r); err != nil {
		t.Fatal(err)
	}
}

func wantTrust(t *testing.T, trust *Trust, want string) {
	t.Helper()
	if got := brief(trust.Roster()); got != want {
		t.Fatalf("in force is %q, want %q", got, want)
	}
}

func TestTrustIsThereAfterRestart(t *testing.T) {
	dir := t.TempDir()
	trust := openTrust(t, dir)
	if trust.MeshID() != "" || trust.Revision() != 0 {
		t.Fatal("an empty directory trusts somebody")
	}
	accept(t, trust, &Roster{}) // a state without a mesh yet
	if _, err := os.Stat(filepath.Join(dir, trustName)); !errors.Is(err, os.ErrNotExist) {
		t.Fatal("a file for no mesh", err)
	}
	accept(t, trust, rosterAt(7, []int{1, 2}, []int{3}))
	again := openTrust(t, dir)
	wantTrust(t, again, "7: id001=n1/r1 id002=n2/r2 †id003")
	if again.MeshID() != strings.Repeat("a", 32) || again.Revision() != 7 {
		t.Fatal(again.MeshID(), again.Revision())
	}
	info, err := os.Stat(filepath.Join(dir, trustName))
	if err != nil || (runtime.GOOS != "windows" && info.Mode().Perm() != 0o600) {
		t.Fatal(info, err)
	}
}

func TestTrustNeverGoesBack(t *testing.T) {
	dir := t.TempDir()
	trust := openTrust(t, dir)
	accept(t, trust, rosterAt(10, []int{1, 2, 4}, []int{3}))
	for _, c := range []struct {
		name string
		in   *Roster
		want string
	}{
		{"an older roster that still has the removed", rosterAt(5, []int{1, 3}, nil), "10: id001=n1/r1 id002=n2/r2 id004=n4/r4 †id003"},
		{"the same revision", rosterAt(10, []int{1, 2, 4}, []int{3}), "10: id001=n1/r1 id002=n2/r2 id004=n4/r4 †id003"},
		{"an older roster that knows of another removal", rosterAt(9, []int{1}, []int{2}), "10: id001=n1/r1 id004=n4/r4 †id002 †id003"},
		{"a newer roster that has forgotten a removal", rosterAt(11, []int{1, 3, 4}, nil), "11: id001=n1/r1 id004=n4/r4 †id002 †id003"},
		{"a newer roster where the removed key has a new name", func() *Roster {
			r := rosterAt(12, []int{1, 5}, nil)
			r.Members[1].Pins[0] = testPin(3)
			return r
		}(), "12: id001=n1/r1 †id002 †id003"},
		{"no mesh", &Roster{}, "12: id001=n1/r1 †id002 †id003"},
	} {
		accept(t, trust, c.in)
		if got := brief(trust.Roster()); got != c.want {
			t.Fatalf("%s: %q, want %q", c.name, got, c.want)
		}
		wantTrust(t, openTrust(t, dir), c.want)
	}
	other := rosterAt(99, []int{1}, nil)
	other.MeshID = strings.Repeat("b", 32)
	if err := trust.Accept(other); !errors.Is(err, ErrOtherMesh) {
		t.Fatal(err)
	}
	wantTrust(t, trust, "12: id001=n1/r1 †id002 †id003")
}

func TestTrustFileShapes(t *testing.T) {
	good := encodeTrust(rosterAt(7, []int{1}, []int{2}))
	sealed := func(format uint32, payload []byte) []byte {
		head := binary.BigEndian.AppendUint32([]byte(trustMagic), format)
		sum := trustSum(head, payload)
		return append(append(head, sum[:]...), payload...)
	}
	invalid := rosterAt(7, []int{1}, nil)
	invalid.Members[0].Name = "UPPER"
	shapes := map[string]struct {
		data []byte
		want error
	}{
		"empty":             {nil, ErrTrustDamaged},
		"garbage":           {bytes.Repeat([]byte("garbage!"), 100), ErrTrustDamaged},
		"zeros":             {make([]byte, len(good)), ErrTrustDamaged},
		"head only":         {good[:trustHead], ErrTrustDamaged},
		"something behind":  {append(bytes.Clone(good), 0), ErrTrustDamaged},
		"newer":             {sealed(2, []byte("who knows")), ErrTrustNewer},
		"format 0":          {sealed(0, good[trustHead:]), ErrTrustDamaged},
		"no CBOR":           {sealed(1, []byte{0xff}), ErrTrustDamaged},
		"no roster":         {sealed(1, invalid.Encode()), ErrTrustDamaged},
		"no mesh, a member": {sealed(1, (&Roster{Members: rosterAt(1, []int{1}, nil).Members}).Encode()), ErrTrustDamaged},
	}
	for n := range good {
		shapes[fmt.Sprintf("cut at %d", n)] = struct {
			data []byte
			want error
		}{good[:n], ErrTrustDamaged}
		flipped := bytes.Clone(good)
		flipped[n] ^= 0x10
		shapes[fmt.Sprintf("bit flipped in %d", n)] = struct {
			data []byte
			want error
		}{flipped, ErrTrustDamaged}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, trustName)
	for name, s := range shapes {
		if err := os.WriteFile(path, s.data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenTrust(dir)
		if !errors.Is(err, s.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTrustSurvivesACrashWhileWriting(t *testing.T) {
	dir := t.TempDir()
	accept(t, openTrust(t, dir), rosterAt(7, []int{1}, nil))
	whole := encodeTrust(rosterAt(8, []int{1, 2}, nil))
	for _, n := range []int{0, 1, trustHead, len(whole) - 1, len(whole)} {
		if err := os.WriteFile(filepath.Join(dir, trustTemp), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		trust := openTrust(t, dir)
		wantTrust(t, trust, "7: id001=n1/r1")
		if _, err := os.Stat(filepath.Join(dir, trustTemp)); !errors.Is(err, os.ErrNotExist) {
			t.Fatal("the leftover stays", err)
		}
	}
}

// A removal holds although the disk does not take it, and is written when the
// disk is back.
func TestTrustHoldsWhenTheDiskDoesNot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	trust := openTrust(t, dir)
	accept(t, trust, rosterAt(7, []int{1, 2}, nil))
	if err := os.Rename(dir, dir+"-gone"); err != nil {
		t.Fatal(err)
	}
	if err := trust.Accept(rosterAt(8, []int{1}, []int{2})); err == nil {
		t.Fatal("nothing could be written and nobody is told")
	}
	wantTrust(t, trust, "8: id001=n1/r1 †id002")
	if err := os.Rename(dir+"-gone", dir); err != nil {
		t.Fatal(err)
	}
	wantTrust(t, openTrust(t, dir), "7: id001=n1/r1 id002=n2/r2")
	accept(t, trust, rosterAt(8, []int{1}, []int{2}))
	wantTrust(t, openTrust(t, dir), "8: id001=n1/r1 †id002")
}

func TestTrustDoesNotTakeWhatItCouldNotRead(t *testing.T) {
	trust := openTrust(t, t.TempDir())
	accept(t, trust, rosterAt(7, []int{1}, nil))
	bad := rosterAt(8, []int{1, 2}, nil)
	bad.Members[1].RaftID = "r1"
	if err := trust.Accept(bad); err == nil {
		t.Fatal("two members share a raft id")
	}
	wantTrust(t, trust, "7: id001=n1/r1")
}

func TestTrustTellsOfChanges(t *testing.T) {
	trust := openTrust(t, t.TempDir())
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				changed := trust.Changed()
				if trust.Revision() == 20 {
					return
				}
				<-changed
			}
		})
	}
	for rev := uint64(1); rev <= 20; rev++ {
		accept(t, trust, rosterAt(rev, []int{1, 2}, nil))
	}
	wg.Wait()
	changed := trust.Changed()
	accept(t, trust, rosterAt(3, []int{1}, nil))
	select {
	case <-changed:
		t.Fatal("told of no change")
	default:
	}
}

// The roster in the state and the trust beside it agree once a command is
// answered.
func TestTrustIsWrittenBeforeTheAnswer(t *testing.T) {
	dir := t.TempDir()
	trust := openTrust(t, dir)
	s := newStage(t)
	s.part.onChange = func(r *Roster) { accept(t, trust, r) }
	for _, line := range []string{"found id=a pin=1", "token id=1 by=a uses=2", "admit id=b pin=2", "admit id=c pin=3", "remove id=b", "leave id=c", "forget id=c"} {
		s.do(line)
		wantTrust(t, openTrust(t, dir), brief(s.part.Roster()))
	}
}

func FuzzDecodeTrust(f *testing.F) {
	f.Add(encodeTrust(rosterAt(7, []int{1, 2}, []int{3})))
	f.Add([]byte(trustMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeTrust(data); err == nil && r.check() != nil {
			t.Fatal("took what is no roster")
		}
	})
}

// FuzzDecodeRoster goes behind the checksum; a roster also comes from peers.
func FuzzDecodeRoster(f *testing.F) {
	f.Add(rosterAt(7, []int{1, 2}, []int{3}).Encode())
	f.Add((&Roster{}).Encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeRoster(data)
		if err != nil {
			return
		}
		again, err := DecodeRoster(r.Encode())
		if err != nil || !bytes.Equal(again.Encode(), r.Encode()) {
			t.Fatal("does not come back", err)
		}
		newInForce(r)
	})
}

// FuzzApply feeds commands from a log: never a panic, and nothing is written
// that the lists' rules forbid.
func FuzzApply(f *testing.F) {
	f.Add(encodeCommand(kindRemove, nodeRef{ID: "b"}))
	f.Add(encodeCommand(kindUpdate, Change{ID: "a", Name: new(string)}))
	f.Add(encodeCommand(kindReseat, reseat{ID: "a", Old: "r-a", New: "r"}))
	f.Add(encodeCommand(kindRevokeToken, tokenRef{ID: testToken(1)}))
	f.Add(encodeCommand(kindAdmit, Admission{TokenID: testToken(1), ID: "c", Name: "c", Pin: testPin(3), RaftID: "r-c", Role: RoleMember}))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newStage(t)
		for _, line := range []string{"found id=a pin=1", "token id=1 by=a uses=3", "admit id=b pin=2"} {
			s.do(line)
		}
		s.state.Propose(t.Context(), proposal(body))
		if r := s.part.Roster(); r.check() != nil {
			t.Fatal(r.check(), brief(r))
		}
	})
}
