package consensus

import (
	"sync"

	"github.com/hashicorp/raft"
)

// teller tells followers the commit index at once. In hashicorp/raft it travels
// with the next entries only, or after CommitTimeout: 50 to 100 ms late. For
// each follower the teller remembers the last entry it acknowledged in this
// term; when the commit covers that entry, it sends an empty AppendEntries
// which carries min(commit, that entry). A leader may send this at any time
// (Raft, figure 2); the minimum matters since a follower takes the commit for
// its own last index, and behind what it acknowledged it may hold a suffix of
// another leader.
type teller struct {
	t *transport

	mu     sync.Mutex
	peers  map[raft.ServerID]*told
	commit uint64
	term   uint64
	closed bool
}

// told is one follower and the goroutine that speaks to it.
type told struct {
	wake chan struct{}
	stop chan struct{}

	// guarded by teller.mu
	addr      raft.ServerAddress
	header    raft.RPCHeader
	leader    []byte
	term      uint64
	index     uint64
	indexTerm uint64
	commit    uint64 // told last, or sent along by Raft itself
}

func newTeller(t *transport) *teller {
	return &teller{t: t, peers: make(map[raft.ServerID]*told)}
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
		f = &told{wake: make(chan struct{}, 1), stop: make(chan struct{})}
		l.peers[id] = f
		l.t.done.Go(func() { l.speak(id, f) })
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
	f.commit = max(f.commit, min(q.LeaderCommitIndex, index))
	f.nudge(l)
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
	for _, f := range l.peers {
		f.nudge(l)
	}
}

func (f *told) nudge(l *teller) {
	if f.term == l.term && min(l.commit, f.index) > f.commit {
		select {
		case f.wake <- struct{}{}:
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
		}
	}
}

func (l *teller) speak(id raft.ServerID, f *told) {
	for {
		select {
		case <-f.wake:
		case <-f.stop:
			return
		}
		l.mu.Lock()
		commit := min(l.commit, f.index)
		send := f.term == l.term && commit > f.commit
		q := raft.AppendEntriesRequest{
			RPCHeader: f.header, Term: f.term, Leader: f.leader,
			PrevLogEntry: f.index, PrevLogTerm: f.indexTerm, LeaderCommitIndex: commit,
		}
		addr := f.addr
		if send {
			f.commit = commit
		}
		l.mu.Unlock()
		if send {
			var p raft.AppendEntriesResponse
			// Lost words are no harm: Raft's own next message says it again.
			_ = l.t.NetworkTransport.AppendEntries(id, addr, &q, &p)
		}
	}
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
