package gossip

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

// A probe under way at memberlist's shutdown is not waited for: it ends with its
// own time, which grows on a busy machine.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/hashicorp/memberlist.(*Memberlist).probeNode"))
}

// virtually runs a test in virtual time and, at its end, lets the probes that
// memberlist does not interrupt run out.
func virtually(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(5 * time.Second)
		test(t)
	})
}

// three starts a, b and c and waits until they see each other.
func three(t *testing.T) *fabric {
	f := newFabric(t, "a", "b", "c")
	for _, id := range f.ids() {
		f.start(id)
	}
	f.within(5*time.Second, "forming", func() bool { return f.allAlive("a", "b", "c") })
	return f
}

func TestNodesSeeEachOther(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		f.within(2*time.Second, "records spread", func() bool {
			for _, v := range f.ids() {
				for _, id := range f.ids() {
					if f.member(v, id).Record.Name != "name-"+id {
						return false
					}
				}
			}
			return true
		})
	})
}

func TestKilledNodeFailsAndReturns(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		for _, victim := range []string{"a", "b", "c"} {
			var others []string
			for _, id := range f.ids() {
				if id != victim {
					others = append(others, id)
				}
			}
			f.kill(victim)
			d := f.within(10*time.Second, "failed", func() bool { return f.sees(others, victim, StatusFailed) })
			t.Logf("%s failed at both others after %v", victim, d)
			if f.member(others[0], victim).Record.Name == "" {
				t.Error("the record of a failed node is gone")
			}
			f.start(victim)
			d = f.within(5*time.Second, "alive again", func() bool { return f.allAlive("a", "b", "c") })
			t.Logf("%s alive again after %v", victim, d)
		}
	})
}
