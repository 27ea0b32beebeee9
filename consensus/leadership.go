package consensus

import "github.com/hashicorp/raft"

// configuration is Raft's latest, committed or not.
func (g *Group) configuration() []raft.Server {
	f := g.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	return f.Configuration().Servers
}

func soleVoter(servers []raft.Server, id string) bool {
	voters := 0
	self := false
	for _, s := range servers {
		if s.Suffrage == raft.Voter {
			voters++
			self = self || string(s.ID) == id
		}
	}
	return self && voters == 1
}

func (g *Group) leading() bool { return g.raft.State() == raft.Leader }

func (g *Group) leaderID() string {
	_, id := g.raft.LeaderWithID()
	return string(id)
}

// ready says that this node leads and its state has everything of earlier
// terms.
func (g *Group) ready() bool {
	return g.leading() && g.machine.state().Marker == g.raft.CurrentTerm()
}

// tellCommit runs before each batch is applied: followers that hold the
// entries hear of the commit while we apply.
func (g *Group) tellCommit(index uint64) {
	if r := g.transport.attached(); r != nil && r.State() == raft.Leader {
		g.transport.teller.committed(r.CurrentTerm(), min(max(index, r.CommitIndex()), g.log.ahead.durable.Load()))
	}
}

func (g *Group) watchLeadership(observations <-chan raft.Observation) {
	for {
		select {
		case leads := <-g.notify:
			if leads {
				term := g.raft.CurrentTerm()
				g.logger.Info("this node leads", "term", term)
				future := g.order(sysMarker, term)
				g.futures.Go(func() { _ = future.Error() })
			} else {
				g.logger.Info("this node no longer leads")
				g.coalescer.clear()
			}
			if leads && g.machine.broken() != nil {
				g.handOver("the state cannot be written")
			}
			g.resend()
			g.seats.kick()
		case <-observations:
			g.stats.leaderChanged()
			g.reign.next()
			g.outbox.poke()
			g.seats.kick()
		case <-g.ctx.Done():
			return
		}
	}
}

// watchFaults ends what cannot go on: a log that failed ends Raft here, a
// state that failed hands leadership over and stays as a voter with a log.
func (g *Group) watchFaults() {
	select {
	case <-g.log.failed:
	case <-g.machine.faulted:
	case <-g.ctx.Done():
		return
	}
	if g.log.broken() != nil {
		g.logger.Error("the log has failed, this node stops taking part until it is reopened", "error", g.log.err)
		g.machine.fail(g.log.broken())
		g.raft.Shutdown()
	} else {
		g.handOver("the state cannot be written")
	}
	g.outbox.fail(ErrStateFault, false)
	g.outbox.poke()
}

// Failed returns a channel that is closed when this Group can no longer take
// writes (Status().Fault says why). Stale reads go on; Close and Open again.
func (g *Group) Failed() <-chan struct{} { return g.machine.faulted }
