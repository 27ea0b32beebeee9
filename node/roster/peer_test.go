package roster

import (
	"slices"
	"testing"

	"github.com/meshd/meshd/node/wire"
)

func TestTrustAnswersTheWire(t *testing.T) {
	trust := openTrust(t, t.TempDir())
	if _, v := trust.ByPin(testPin(1)); v != wire.Unknown {
		t.Fatal(v)
	}
	accept(t, trust, rosterAt(7, []int{1, 2}, []int{3}))
	p, v := trust.ByPin(testPin(1))
	if v != wire.Member || p.ID != nid(1) || p.Name != "n1" || p.RaftID != "r1" || !p.Replica || !slices.Equal(p.Addresses, []string{"10.0.0.1:7443"}) {
		t.Fatal(p, v)
	}
	if p, v := trust.ByPin(testPin(3)); v != wire.Removed || p.ID != nid(3) {
		t.Fatal(p, v)
	}
	if _, v := trust.ByPin(testPin(9)); v != wire.Unknown {
		t.Fatal(v)
	}
	if p, ok := trust.ByID(nid(2)); !ok || p.RaftID != "r2" {
		t.Fatal(p, ok)
	}
	if p, ok := trust.ByRaftID("r2"); !ok || p.ID != nid(2) {
		t.Fatal(p, ok)
	}
	if _, ok := trust.ByID(nid(3)); ok {
		t.Fatal("a removed node is found")
	}
	if _, ok := trust.ByRaftID("r3"); ok {
		t.Fatal("a removed log is found")
	}
	// What was asked a moment ago must not be found after a removal.
	accept(t, trust, rosterAt(8, []int{1}, []int{2, 3}))
	if _, v := trust.ByPin(testPin(2)); v != wire.Removed {
		t.Fatal(v)
	}
	if _, ok := trust.ByRaftID("r2"); ok {
		t.Fatal("a removed log is found")
	}
}
