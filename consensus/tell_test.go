package consensus

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

func TestTellerWaitsForTheNextEntry(t *testing.T) {
	type word struct {
		commit uint64
		after  time.Duration
	}
	for _, c := range []struct {
		name string
		do   func(l *teller)
		want []word
	}{
		{"nobody waits", func(l *teller) { l.committed(2, 7) }, []word{{7, tellDelay}}},
		{"somebody waits", func(l *teller) { l.expect("b", hurryTime); l.committed(2, 7) }, []word{{7, 0}}},
		{"somebody comes to wait", func(l *teller) {
			l.committed(2, 7)
			time.Sleep(time.Millisecond)
			l.expect("b", hurryTime)
		}, []word{{7, time.Millisecond}}},
		{"the wait was long ago", func(l *teller) {
			l.expect("b", hurryTime)
			time.Sleep(hurryTime + time.Millisecond)
			l.committed(2, 7)
		}, []word{{7, hurryTime + time.Millisecond + tellDelay}}},
		{"somebody follows all that comes", func(l *teller) {
			l.expect("b", attendTime)
			l.expect("b", hurryTime) // does not shorten it
			time.Sleep(attendTime - time.Millisecond)
			l.committed(2, 7)
		}, []word{{7, attendTime - time.Millisecond}}},
		{"the next entry says it", func(l *teller) {
			l.committed(2, 7)
			time.Sleep(time.Millisecond)
			l.acked("b", "b", &raft.AppendEntriesRequest{Term: 2, Entries: []*raft.Log{{Index: 8, Term: 2}}, LeaderCommitIndex: 7},
				&raft.AppendEntriesResponse{Term: 2, Success: true})
		}, nil},
		{"a stream of entries ends", func(l *teller) {
			for i := uint64(7); i < 27; i++ {
				l.committed(2, i)
				time.Sleep(time.Millisecond)
				l.acked("b", "b", &raft.AppendEntriesRequest{Term: 2, Entries: []*raft.Log{{Index: i + 1, Term: 2}}, LeaderCommitIndex: i},
					&raft.AppendEntriesResponse{Term: 2, Success: true})
			}
			l.committed(2, 27)
		}, []word{{27, 20*time.Millisecond + tellDelay}}},
		{"not beyond what it holds", func(l *teller) { l.committed(2, 9) }, []word{{7, tellDelay}}},
		{"another term", func(l *teller) { l.committed(3, 9) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var done sync.WaitGroup
				var got []word
				begun := time.Now()
				l := newTeller(&done, func(_ raft.ServerID, _ raft.ServerAddress, q *raft.AppendEntriesRequest) {
					mu.Lock()
					defer mu.Unlock()
					got = append(got, word{q.LeaderCommitIndex, time.Since(begun)})
				})
				l.acked("b", "b", &raft.AppendEntriesRequest{Term: 2, Entries: []*raft.Log{{Index: 7, Term: 2}}},
					&raft.AppendEntriesResponse{Term: 2, Success: true})
				c.do(l)
				time.Sleep(time.Second)
				l.close()
				done.Wait()
				if len(got) != len(c.want) || len(got) > 0 && got[0] != c.want[0] {
					t.Errorf("told %v, want %v", got, c.want)
				}
			})
		})
	}
}
