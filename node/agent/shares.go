package agent

import "sync"

// shares counts something that all clients of a node have together, of which one
// credential may have a part. Safe for concurrent use.
type shares struct {
	most, own int64 // of all, and of one principal

	mu    sync.Mutex
	all   int64
	owned map[string]int64 // of each principal
}

// charge says whether a principal may have so much more. What it takes is counted
// all the same, until it is released.
func (s *shares) charge(principal string, n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owned == nil {
		s.owned = map[string]int64{}
	}
	s.all += n
	s.owned[principal] += n
	return s.all <= s.most && s.owned[principal] <= s.own
}

func (s *shares) release(principal string, n int64) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all -= n
	if s.owned[principal] -= n; s.owned[principal] == 0 {
		delete(s.owned, principal)
	}
}

func (s *shares) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
