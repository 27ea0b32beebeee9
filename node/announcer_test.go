package node

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/node/message"
)

// What could not be told of a node's agents was told with the next change only,
// and until then nobody reached them.
func TestAnAnnouncementThatFailedIsMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		life, end := context.WithCancel(t.Context())
		began := time.Now()
		fails := 3
		var told, pauses []string
		a := newAnnouncer(life, func(agents []message.Local) error {
			told = append(told, fmt.Sprintf("%s at %s", agents[0].Name, time.Since(began)))
			if fails > 0 {
				fails--
				return errors.New("no room")
			}
			return nil
		}, func(_ int, again time.Duration, _ error) { pauses = append(pauses, again.String()) })
		a.announce([]message.Local{{Name: "old"}})
		time.Sleep(1500 * time.Millisecond)
		a.announce([]message.Local{{Name: "new"}}) // in place of the old
		time.Sleep(time.Hour)
		synctest.Wait()
		want := "[old at 0s old at 1s new at 1.5s new at 2.5s]"
		if fmt.Sprint(told) != want || fmt.Sprint(pauses) != "[1s 2s 1s]" {
			t.Errorf("told %v after pauses of %v, want %s", told, pauses, want)
		}

		fails, told, pauses = 1<<30, nil, nil
		a.announce([]message.Local{{Name: "never"}})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(pauses); n < 10 || pauses[n-1] != "1m0s" {
			t.Errorf("%d tries, pauses of %v", n, pauses)
		}
		end()
		synctest.Wait()
		n := len(told)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(told) != n {
			t.Error("a node that is closed goes on telling")
		}
	})
}
