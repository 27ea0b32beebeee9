package inbox

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

// MaxOwned bounds the names that one principal owns: a tenth of all. Names are
// claimed by use, and who claims without end would leave none to others. Each
// node judges it by what it has counted within the last second, so that several
// at once may go over it by what they claim in that time.
const MaxOwned = 10_000

// owned counts the names of each principal.
type owned struct {
	mu     sync.Mutex
	at     time.Time
	counts map[string]int
}

// mayOwn leaves out the claims of free names by principals that own as many as
// one may, and says so in their results.
func (s *Service) mayOwn(ctx context.Context, claims []Claim, open []int, free map[int]bool, out []ClaimResult) (kept []int, err error) {
	if !slices.ContainsFunc(open, func(i int) bool { return free[i] }) {
		return open, nil
	}
	o := &s.owned
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := s.cfg.Now(); o.counts == nil || now.Sub(o.at) >= time.Second || now.Before(o.at) {
		if err := o.count(ctx, s); err != nil {
			return nil, err
		}
		o.at = now
	}
	for _, i := range open {
		c := &claims[i]
		if free[i] && o.counts[c.Principal] >= s.maxOwned {
			out[i] = ClaimResult{Agent: c.Agent, Code: CodeTooMany, Sentence: fmt.Sprintf(
				"this credential owns %d names of agents, as many as one may: release those that are no more (`meshd agents --all --owner me` lists them, `meshd agents release NAME`), or use another credential", s.maxOwned)}
			continue
		}
		kept = append(kept, i)
		if free[i] {
			o.counts[c.Principal]++
		}
	}
	return kept, nil
}

func (o *owned) count(ctx context.Context, s *Service) error {
	counts := map[string]int{}
	_, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		for _, v := range r.Scan(tableAgent, nil, nil) {
			var a agentRecord
			if !a.read(v) {
				return errBroken("the record of an agent")
			}
			if a.Owner != "" {
				counts[a.Owner]++
			}
		}
		return nil
	})
	if err == nil {
		o.counts = counts
	}
	return err
}

// OwnerOf is the credential that owns a name, "" where none does. Other parts of
// the state may ask it while they execute a command.
func OwnerOf(r consensus.Reader, agent string) string {
	var a agentRecord
	if v := r.Get(tableAgent, []byte(agent)); v == nil || !a.read(v) {
		return ""
	}
	return a.Owner
}
