package consensus

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// How soon a follower hears of a commit.
const (
	// tellDelay is how long the next entries are waited for, which say it on
	// their way, where nobody is known to wait at the follower.
	tellDelay = 5 * time.Millisecond
	// hurryTime is how long a follower is told at once after somebody there has
	// asked for something that ends with a commit, and attendTime after it has
	// said that somebody follows the state there, which it says again each
	// attendEvery.
	hurryTime   = 250 * time.Millisecond
	attendTime  = 5 * time.Second
	attendEvery = time.Second
)

// teller tells followers the commit index. In hashicorp/raft it travels with
// the next entries only, or after CommitTimeout: 50 to 100 ms late. A follower
// at which somebody waits, for a write made there, for a read, or for whatever
// comes (attend.go), is told at once; the others after tellDelay, if no entry has said it before. For
// each follower the teller remembers the last entry it acknowledged in this
// term; when the commit covers that entry, it sends an empty AppendEntries
// which carries min(commit, that entry). A leader may send this at any time
// (Raft, figure 2); the minimum matters since a follower takes the commit for
// its own last index, and behind what it acknowledged it may hold a suffix of
// another leader.
type teller struct {
	send func(raft.ServerID, raft.ServerAddress, *raft.AppendEntriesRequest)
	done *sync.WaitGroup // of the goroutines that speak

	mu     sync.Mutex
	peers  map[raft.ServerID]*told
	commit uint64
	term   uint64
	closed bool
	// urgent says until when a follower, by raft id, is told at once.
	urgent map[raft.ServerID]time.Time
}

// told is one follower and the goroutine that speaks to it.
type told struct {
	wake  chan struct{} // there is something to tell
	hurry chan struct{} // and somebody waits for it
	stop  chan struct{}

	// guarded by teller.mu
	addr      raft.ServerAddress
	header    raft.RPCHeader
	leader    []byte
	term      uint64
	index     uint64
	indexTerm uint64
	commit    uint64    // told last, or sent along by Raft itself
	since     time.Time // since when there is more to tell than that
}

func newTeller(done *sync.WaitGroup, send func(raft.ServerID, raft.ServerAddress, *raft.AppendEntriesRequest)) *teller {
	return &teller{send: send, done: done, peers: make(map[raft.ServerID]*told), urgent: make(map[raft.ServerID]time.Time)}
}

// acked notes a successful AppendEntries.
func (l *teller) acked(id raft.ServerID, addr raft.ServerAddress, q *raft.AppendEntriesRequest, p *raft.AppendEntriesResponse) {
	if !p.Success || p.Term != q.Term {
		return
	}
	index, indexTerm := q.PrevLogEntry, q.PrevLogTerm
	if n := len(q.Entries); n > 0 {
		index, indexTerm = q.Entries[n-1].Index, q.Entries[n-1].Term
	}
	if index == 0 {
		return // a heartbeat
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	f := l.peers[id]
	if f == nil {
		f = &told{wake: make(chan struct{}, 1), hurry: make(chan struct{}, 1), stop: make(chan struct{})}
		l.peers[id] = f
		l.done.Go(func() { l.speak(id, f) })
	}
	switch {
	case q.Term > f.term:
		f.commit = 0
	case q.Term < f.term:
		return
	}
	if q.Term > f.term || index >= f.index {
		f.addr, f.header, f.leader = addr, q.RPCHeader, q.Leader //nolint:staticcheck // replicas of before RPCHeader.Addr read it
		f.term, f.index, f.indexTerm = q.Term, index, indexTerm
	}
	if along := min(q.LeaderCommitIndex, index); along > f.commit {
		f.commit, f.since = along, time.Time{}
	}
	f.nudge(l, id)
}

// expect says that somebody at a follower waits for what is committed soon.
func (l *teller) expect(id raft.ServerID, soon time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.peers[id]
	if f == nil {
		return // nothing has reached it yet
	}
	if until := time.Now().Add(soon); until.After(l.urgent[id]) {
		l.urgent[id] = until
	}
	f.nudge(l, id)
}

// committed is called with the term and commit index of a leader whenever the
// latter has risen.
func (l *teller) committed(term, commit uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term < l.term || (term == l.term && commit <= l.commit) {
		return
	}
	l.term, l.commit = term, commit
	for id, f := range l.peers {
		f.nudge(l, id)
	}
}

// untold says that the follower holds committed entries and does not know it.
func (f *told) untold(l *teller) bool { return f.term == l.term && min(l.commit, f.index) > f.commit }

// nudge needs teller.mu.
func (f *told) nudge(l *teller, id raft.ServerID) {
	if !f.untold(l) {
		return
	}
	if f.since.IsZero() {
		f.since = time.Now()
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	if until, ok := l.urgent[id]; ok {
		if time.Now().After(until) {
			delete(l.urgent, id)
			return
		}
		select {
		case f.hurry <- struct{}{}:
		default:
		}
	}
}

// keep forgets the followers that are no longer in the configuration.
func (l *teller) keep(servers []raft.Server) {
	in := make(map[raft.ServerID]bool, len(servers))
	for _, s := range servers {
		in[s.ID] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.peers {
		if !in[id] {
			close(f.stop)
			delete(l.peers, id)
			delete(l.urgent, id)
		}
	}
}

// speak tells one follower.
func (l *teller) speak(id raft.ServerID, f *told) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		for {
			wait := l.tell(id, f)
			if wait == 0 {
				break
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-f.hurry:
			case <-f.stop:
				return
			}
		}
	}
}

// tell sends what is due, or says when to look again; 0: when woken.
func (l *teller) tell(id raft.ServerID, f *told) time.Duration {
	l.mu.Lock()
	if !f.untold(l) {
		f.since = time.Time{}
		l.mu.Unlock()
		return 0
	}
	now := time.Now()
	if due := f.since.Add(tellDelay).Sub(now); due > 0 && !now.Before(l.urgent[id]) {
		l.mu.Unlock()
		return due
	}
	f.commit, f.since = min(l.commit, f.index), time.Time{}
	q := raft.AppendEntriesRequest{
		RPCHeader: f.header, Term: f.term, Leader: f.leader,
		PrevLogEntry: f.index, PrevLogTerm: f.indexTerm, LeaderCommitIndex: f.commit,
	}
	addr := f.addr
	l.mu.Unlock()
	l.send(id, addr, &q)
	return 0
}

func (l *teller) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for id, f := range l.peers {
		close(f.stop)
		delete(l.peers, id)
	}
}
