package inbox

import (
	"fmt"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
)

const (
	// lanes is how many batches are on their way at once.
	lanes = 4
	// waitingBytes and waitingItems bound what waits at this node, largeBytes
	// the large bodies among it.
	waitingBytes = 16 << 20
	waitingItems = 64 << 10
	largeBytes   = 64 << 20
)

// batcher gathers items.
type batcher struct {
	mu     sync.Mutex
	closed bool
	queue  []*item
	queued int // bytes in queue
	// waiting are the bytes and items not answered yet, large of bodies that
	// are put aside.
	waiting, items, large int
	senders               map[uint64]*sender
	free                  []byte // lanes without a batch
	numbers               [lanes]uint64
	timer                 *time.Timer
	armed, due            bool // timer runs; the next batch waits no longer
	fires                 time.Time
	expected              int           // items of the last batch, and what waited when it had landed
	took                  time.Duration // until they had landed
	source                [8]byte
	pause                 time.Duration // before a batch of unknown outcome is proposed again
}

// sender is one of whom items wait, or are on their way: its messages keep their
// order.
type sender struct {
	key uint64
	// queued items are in the queue; flying, and aside: a batch with items of
	// it, or a large body, is on its way, and what comes is parked.
	queued        int
	flying, aside bool
	parked        []*item
}

func overloaded() error {
	return refuse(CodeOverloaded, "this node holds as many unanswered messages as it takes; repeat it a little later")
}

// submit takes an item, or fails it.
func (s *Service) submit(it *item) {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		it.fail(consensus.ErrClosed)
		return
	case s.items >= waitingItems || it.large == nil && s.waiting+it.size() > waitingBytes || s.large+len(it.large) > largeBytes:
		s.mu.Unlock()
		it.fail(overloaded())
		return
	}
	s.items++
	if s.large += len(it.large); it.large == nil {
		s.waiting += it.size()
	}
	s.enqueue(it)
	s.pump()
	s.mu.Unlock()
}

// enqueue puts an item behind those of its sender. It needs mu.
func (s *Service) enqueue(it *item) {
	if it.key == 0 {
		s.toQueue(it)
		return
	}
	from := s.senders[it.key]
	if from == nil {
		from = &sender{key: it.key}
		s.senders[it.key] = from
	}
	it.from = from
	from.parked = append(from.parked, it)
	s.unpark(from)
}

func (s *Service) toQueue(it *item) {
	s.queue = append(s.queue, it)
	s.queued += len(it.code)
	if it.from != nil {
		it.from.queued++
	}
}

// unpark moves on what a sender has parked, as far as order lets it. It needs
// mu.
func (s *Service) unpark(from *sender) {
	for len(from.parked) > 0 && !from.flying && !from.aside {
		it := from.parked[0]
		if it.large != nil && from.queued > 0 {
			return
		}
		from.parked[0] = nil
		from.parked = from.parked[1:]
		if it.large == nil {
			s.toQueue(it)
			continue
		}
		from.aside = true
		s.work.Go(func() { s.putAside(it) })
	}
	if len(from.parked) == 0 && from.queued == 0 && !from.flying && !from.aside {
		delete(s.senders, from.key)
	}
}

// drop lets go of an item that is not sent. It needs mu.
func (s *Service) drop(it *item) {
	s.forget(it)
	if !it.withdrawn {
		it.withdrawn = true
		s.work.Go(func() { it.fail(it.ctx.Err()) })
	}
	if it.from != nil && len(it.from.parked) == 0 && it.from.queued == 0 {
		s.unpark(it.from)
	}
	if it.aside != (blobID{}) {
		s.work.Go(func() { s.unstage(it.aside) })
	}
}

// forget counts an item out. It needs mu.
func (s *Service) forget(it *item) {
	s.items--
	s.waiting -= it.size()
}

// withdraw gives up waiting for an item, and says what is known of it.
func (s *Service) withdraw(it *item, why error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it.taken {
		return fmt.Errorf("%w: %w", consensus.ErrUnknown, why)
	}
	it.withdrawn = true
	return why
}

// closeQueue answers what has not left.
func (s *Service) closeQueue() {
	s.mu.Lock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	left := s.queue
	s.queue = nil
	for _, from := range s.senders {
		left = append(left, from.parked...)
		from.parked = nil
	}
	s.mu.Unlock()
	for _, it := range left {
		it.fail(consensus.ErrClosed)
	}
}
