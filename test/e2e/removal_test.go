package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// removalCut asks at one node for the removal of another and kills the node
// that was asked (kill -9) when the removal is begun and not done. The third of
// the voters sleeps meanwhile: until the leader has noticed, nobody can take the
// seat over. On a machine so busy that the removal was faster the test ends.
func removalCut(t testing.TB, key string, asked, out, sleeps *realmesh.Node) {
	t.Helper()
	id, c := mustStatus(t, out).Node.ID, asked.Client(key)
	ended := make(chan string, 1)
	sleeps.Pause()
	go func() {
		a, err := c.Ask(http.MethodDelete, "/members/"+id, nil)
		ended <- fmt.Sprint(a, err)
	}()
	for look := asked.Client(key); ; time.Sleep(5 * time.Millisecond) {
		select {
		case a := <-ended:
			sleeps.Resume()
			t.Skip("the removal was not to be cut off:", a)
		default:
		}
		if a, err := look.Ask(http.MethodGet, "/status", nil); err == nil && strings.Contains(string(a.Body), `"REMOVING"`) {
			break
		}
	}
	asked.Kill()
	if a := <-ended; strings.HasPrefix(a, "200") {
		sleeps.Resume()
		t.Skip("the removal was not to be cut off:", a)
	}
	sleeps.Resume()
}

// notRemoving says what a node knows of removals that have not ended.
func notRemoving(at *realmesh.Node) error {
	s, err := at.Status()
	for _, p := range s.Problems {
		if p.Code == "REMOVING" {
			err = fmt.Errorf("problems: %v", s.Problems)
		}
	}
	return err
}

// wasRemoved waits until nobody lists a node any more and it has heard so.
func wasRemoved(t testing.TB, out *realmesh.Node, rest ...*realmesh.Node) {
	t.Helper()
	for _, r := range rest {
		realmesh.Eventually(t, 60*time.Second, out.Name+" is off the list of "+r.Name, func() error {
			_, there, err := member(r, out.Name)
			if err == nil && there {
				err = fmt.Errorf("it is still listed")
			}
			return err
		})
		realmesh.Eventually(t, 10*time.Second, r.Name+" knows of no removal", func() error { return notRemoving(r) })
	}
	if out.Running() {
		ends(t, out, refused, "removed", "meshd reset")
	}
}

// Who leads and was asked dies in the middle of a removal and stays dead: the
// next leader ends it. The dead one learns of it when it comes back.
func TestARemovalGoesOnWhenTheLeaderThatWasAskedIsKilled(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	asked := leaderOf(t, nodes...)
	out, stays := others(nodes, asked)[0], others(nodes, asked)[1]
	l := newLedger(t, "removal", stays)
	removalCut(t, nodes[0].AdminKey(), asked, out, stays)
	l.start(1, 3)
	wasRemoved(t, out, stays)
	l.more(3, 30*time.Second)
	asked.Start("serve")
	asked.WaitServing()
	wasRemoved(t, out, asked)
	realmesh.Alive(t, 60*time.Second, asked, stays)
	l.finish(asked, stays)
}

// A node without a seat was asked, dies and stays dead: the leader ends what it
// had begun.
func TestARemovalIsEndedForOneThatIsKilledAndHasNoSeat(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	asked := realmesh.New(t, "delta")
	asked.Join(nodes[0])
	realmesh.Formed(t, 30*time.Second, append(nodes, asked)...)
	leader := leaderOf(t, nodes...)
	rest := others(nodes, leader)
	l := newLedger(t, "removal", leader, rest[1])
	removalCut(t, nodes[0].AdminKey(), asked, rest[0], rest[1])
	l.start(1, 4)
	wasRemoved(t, rest[0], leader, rest[1])
	l.more(3, 30*time.Second)
	l.finish(leader, rest[1])
}
