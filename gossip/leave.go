package gossip

import (
	"errors"
	"sync"
	"time"
)

// closeTimeout bounds Close.
const closeTimeout = 2 * time.Second

// Leave says goodbye, so that the others list this node as left instead of
// missing it, and waits until the word is out or the timeout has passed. Only
// Close makes sense after it.
func (g *Gossip) Leave(timeout time.Duration) error {
	out := make(chan struct{})
	if err := g.sayGoodbye(sync.OnceFunc(func() { close(out) })); err != nil {
		return err
	}
	if g.aliveCount.Load() == 0 {
		return nil // nobody is there to hear it
	}
	t := time.NewTimer(timeout)
	defer t.Stop()
	select {
	case <-out:
		return g.transport.flush(t.C)
	case <-t.C:
		return errors.New("the goodbye was not sent in time")
	case <-g.ctx.Done():
		return errClosed
	}
}

func (g *Gossip) sayGoodbye(finished func()) error {
	g.life.Lock()
	defer g.life.Unlock()
	if g.closed {
		return errClosed
	}
	g.mu.Lock()
	g.leaving = true
	err := g.publishThenLocked(finished)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	// memberlist queues its word at once; its waiting could not be interrupted
	// by Close, so it is given no time, and the record, which travels in the
	// same packets, is waited for instead.
	_ = g.list.Leave(time.Nanosecond)
	return nil
}

// Close ends it without a word, as a crash would, within two seconds. It
// returns an error where something would not end. Further calls do nothing.
func (g *Gossip) Close() error {
	g.life.Lock()
	if g.closed {
		g.life.Unlock()
		return nil
	}
	g.closed = true
	g.cancel()
	err := g.list.Shutdown()
	g.life.Unlock()

	g.mu.Lock()
	g.stopping = true
	g.mu.Unlock()
	g.unmetric()
	ended := make(chan struct{})
	go func() {
		g.wg.Wait()
		g.transport.wg.Wait()
		close(ended)
	}()
	t := time.NewTimer(closeTimeout)
	defer t.Stop()
	select {
	case <-ended:
		return err
	case <-t.C:
		return errors.Join(err, errors.New("gossip did not end in time"))
	}
}
