package httpapi

import (
	"context"
	"sync"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/access"
)

// shares counts how much of something each credential has. One has three quarters
// at most, so that it leaves some to the others; administrators, who revoke keys,
// are not bounded. The zero value counts from nothing. Safe for concurrent use.
type shares struct {
	mu   sync.Mutex
	held map[string]int
}

// take takes one of all for a caller, and says whether it may have it. What is
// taken is given back.
func (s *shares) take(caller access.Principal, all int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[caller.ID] >= all-all/4 && caller.Role != access.RoleAdmin {
		return false
	}
	if s.held == nil {
		s.held = map[string]int{}
	}
	s.held[caller.ID]++
	return true
}

func (s *shares) give(caller access.Principal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[caller.ID]--; s.held[caller.ID] <= 0 {
		delete(s.held, caller.ID)
	}
}

// takePoll takes a place among the polls that wait, until give is called.
func (a *API) takePoll(ctx context.Context) (give func(), err error) {
	caller, _ := Principal(ctx)
	if !a.work.polls.take(caller, cap(a.polls)) {
		return nil, Fail(graphsync.CodeWatchers, "this node answers %d polls of one credential at a time, and has as many of this one", cap(a.polls)-cap(a.polls)/4)
	}
	select {
	case a.polls <- struct{}{}:
		return func() {
			<-a.polls
			a.work.polls.give(caller)
		}, nil
	default:
		a.work.polls.give(caller)
		return nil, Fail(graphsync.CodeWatchers, "this node answers %d polls at a time, which is as many as it takes", maxPolls)
	}
}
