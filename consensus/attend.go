package consensus

import (
	"context"
	"time"
)

// Attend implements Attender. A leader knows its own commits; a follower says to
// the leader now and again that somebody follows the state here. It costs a
// message a second, and one for each commit that no entry follows at once. A
// leader that does not know the call, being of an older release, tells as before.
func (g *Group) Attend(ctx context.Context) {
	again := time.NewTicker(attendEvery)
	defer again.Stop()
	for {
		if leader := g.leaderID(); leader != "" && leader != g.dir.id {
			call, cancel := context.WithTimeout(ctx, attendEvery)
			_, _ = g.ask(call, leader, methodAttend, nil) // who is not heard is told later
			cancel()
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		case <-g.ctx.Done():
			return
		}
	}
}

var _ Attender = (*Group)(nil)
