package consensus

import (
	"errors"
	"sync/atomic"
	"time"
)

// A leader whose disk hangs would lead for as long as it does: its heartbeats
// need no disk, while nothing more is committed, since nothing above what is on
// its own disk is. So it falls silent towards its followers, who then elect
// another; that needs nothing of its main loop, which may be waiting for the
// disk as well. When the disk has answered it is one of the others.

const (
	// hangPatience is how long one write to the log may take before a leader
	// falls silent, or three times as long as followers wait for it.
	hangPatience = 3 * time.Second
	hangEvery    = 100 * time.Millisecond
)

var errDiskHangs = errors.New("the disk of this server does not answer, so another is to lead")

// stopwatch knows since when a write has been under way. Writes to the log come
// one after the other.
type stopwatch struct{ since atomic.Pointer[time.Time] }

func (s *stopwatch) around(write func() error) error {
	now := time.Now()
	s.since.Store(&now)
	defer s.since.Store(nil)
	return write()
}

func (s *stopwatch) running() time.Duration {
	if since := s.since.Load(); since != nil {
		return time.Since(*since)
	}
	return 0
}

// watchHang has a leader fall silent while its disk hangs.
func (g *Group) watchHang() {
	patience := max(hangPatience, 3*g.raft.ReloadableConfig().HeartbeatTimeout)
	tick := time.NewTicker(hangEvery)
	defer tick.Stop()
	for {
		took := g.log.writing.running()
		switch hangs := took > patience; {
		case hangs && !g.transport.silent.Load() && g.leading():
			g.logger.Error("the disk does not answer: this node falls silent as leader, for another to be elected", "for", took.Round(time.Millisecond))
			g.transport.silent.Store(true)
		case !hangs && g.transport.silent.Swap(false):
			g.logger.Info("the disk answers again")
		}
		select {
		case <-tick.C:
		case <-g.ctx.Done():
			return
		}
	}
}
