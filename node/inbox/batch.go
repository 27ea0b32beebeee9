package inbox

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/meshd/meshd/consensus"
)

// A batch is one command of the state, and costs it an fsync's share, a
// transaction's and its own, whatever is in it. So what is submitted while one is
// on its way gathers for the next: for as long as the last one took, or until it
// is gatherBytes. And clients that wait for answers come back together, but not
// at once: after a batch has landed, the next waits until most of those it has
// answered are there again beside those who waited, for a fraction of the time
// at most. Otherwise two halves would take turns, each in half a batch. Who is
// alone waits for nobody.
const (
	// lanes is how many batches are on their way at once.
	lanes       = 4
	gatherBytes = 64 << 10
	// gatherLeast and gatherMost bound how long a batch gathers while others
	// are on their way, returnMost how long it waits for clients to come back.
	gatherLeast = 2 * time.Millisecond
	gatherMost  = 10 * time.Millisecond
	returnMost  = time.Millisecond
	// batchBytes and batchItems bound one; batchWide, the messages in it that
	// may reach many.
	batchBytes = 256 << 10
	batchItems = 2048
	batchWide  = 4
	// waitingBytes and waitingItems bound what waits at this node, largeBytes
	// the large bodies among it.
	waitingBytes = 16 << 20
	waitingItems = 64 << 10
	largeBytes   = 64 << 20
	// unstageLimit bounds the command that lets go of a body.
	unstageLimit = 10 * time.Second
	// unknownLimit is how long a batch of unknown outcome is asked about.
	unknownLimit = 60 * time.Second
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

// pump sends batches as long as it is time to. It needs mu.
func (s *Service) pump() {
	for len(s.queue) > 0 && len(s.free) > 0 && !s.closed {
		if wait := s.hold(); wait > 0 {
			s.arm(wait)
			return
		}
		s.due = false
		if s.armed {
			s.timer.Stop()
			s.armed = false
		}
		batch := s.pick()
		if len(batch) == 0 {
			return
		}
		lane := s.free[len(s.free)-1]
		s.free = s.free[:len(s.free)-1]
		s.numbers[lane]++
		head := batchHead{Source: s.source, Lane: lane, Number: s.numbers[lane]}
		s.work.Go(func() { s.send(head, batch) })
	}
}

// hold is how long the next batch should gather. It needs mu.
func (s *Service) hold() time.Duration {
	switch {
	case s.due || s.queued >= gatherBytes:
		return 0
	case len(s.free) < lanes:
		return min(max(s.took, gatherLeast), gatherMost)
	case len(s.queue) < s.expected*3/4:
		return min(s.took/4, returnMost)
	}
	return 0
}

// arm makes gathered run after a while, if it does not sooner. It needs mu.
func (s *Service) arm(wait time.Duration) {
	at := time.Now().Add(wait)
	switch {
	case s.timer == nil:
		s.timer = time.AfterFunc(wait, s.gathered)
	case s.armed && !at.Before(s.fires):
		return
	default:
		s.timer.Reset(wait)
	}
	s.armed, s.fires = true, at
}

// gathered sends what has gathered.
func (s *Service) gathered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.due = false, true
	s.pump()
	s.due = false
}

// landed learns from a batch how many come back, and how soon. It needs mu.
func (s *Service) landed(n int, took time.Duration) {
	s.expected = n + len(s.queue)
	s.took = (3*s.took + took) / 4
}

// pick takes the next batch from the queue. It needs mu. What is left behind of
// a sender in it waits for it to land.
func (s *Service) pick() (batch []*item) {
	size, wide, n := 0, 0, 0
	for _, it := range s.queue {
		if len(batch) == batchItems || len(batch) > 0 && size+len(it.code) > batchBytes || it.wide && wide == batchWide {
			break
		}
		n++
		s.queued -= len(it.code)
		if it.from != nil {
			it.from.queued--
		}
		if it.withdrawn || it.ctx != nil && it.ctx.Err() != nil {
			s.drop(it)
			continue
		}
		it.taken = true
		if it.from != nil {
			it.from.flying = true
		}
		size += len(it.code)
		if it.wide {
			wide++
		}
		batch = append(batch, it)
	}
	left := s.queue[n:]
	kept := s.queue[:0]
	var behind map[*sender][]*item
	for _, it := range left {
		if it.from == nil || !it.from.flying {
			kept = append(kept, it)
			continue
		}
		if behind == nil {
			behind = map[*sender][]*item{}
		}
		behind[it.from] = append(behind[it.from], it)
		s.queued -= len(it.code)
		it.from.queued--
	}
	for from, list := range behind {
		from.parked = append(list, from.parked...)
	}
	clear(s.queue[len(kept):])
	s.queue = kept
	return batch
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

// send proposes a batch and answers its items.
func (s *Service) send(head batchHead, batch []*item) {
	size := 32
	for _, it := range batch {
		size += len(it.code)
	}
	body := head.encode(make([]byte, 0, size))
	for _, it := range batch {
		body = append(body, it.code...)
	}
	start := time.Now()
	out, err := s.insistBatch(body)
	s.mu.Lock()
	s.landed(len(batch), time.Since(start))
	s.free = append(s.free, head.Lane)
	for _, it := range batch {
		s.forget(it)
		if it.from != nil {
			it.from.flying = false
		}
	}
	for _, it := range batch {
		if it.from != nil {
			s.unpark(it.from)
		}
	}
	s.pump()
	s.mu.Unlock()
	s.answer(batch, out, err)
}

// insistBatch proposes until the outcome is known: a batch is applied once
// however often it comes.
func (s *Service) insistBatch(body []byte) (consensus.Outcome, error) {
	limit := s.cfg.Now().Add(unknownLimit)
	for unknown := false; ; {
		out, err := s.state.Propose(s.life, consensus.Proposal{Part: PartName, Body: body})
		var no *consensus.Refusal
		if err == nil || errors.As(err, &no) {
			return out, err
		}
		unknown = unknown || errors.Is(err, consensus.ErrUnknown)
		if !unknown {
			return out, err
		}
		if s.life.Err() != nil || s.cfg.Now().After(limit) {
			if !errors.Is(err, consensus.ErrUnknown) {
				err = fmt.Errorf("%w: %w", consensus.ErrUnknown, err)
			}
			return out, err
		}
		select {
		case <-time.After(s.pause):
		case <-s.life.Done():
		}
	}
}

// answer tells the items of a batch what came of them.
func (s *Service) answer(batch []*item, out consensus.Outcome, err error) {
	c := cursor{b: out.Result}
	if err == nil && c.byte() != format {
		err = errBroken("the answer to a batch")
	}
	var last uint64
	for _, it := range batch {
		if err != nil {
			it.fail(err)
			continue
		}
		x := readAnswer(&c, &last)
		switch {
		case c.bad:
			err = errBroken("the answer to a batch")
			it.fail(err)
		case x.Kind == answerRefused:
			it.fail(x.Verdict.refusal())
		case x.Kind == answerAcked && it.acked != nil:
			it.acked(int(x.Count), nil)
		case x.Kind == answerAccepted && it.accepted != nil:
			it.accepted(Accepted{
				ID: it.id, Seq: x.Seq, Recipients: x.Recipients, Count: int(x.Count), Full: int(x.Full),
				Known: x.Known, Duplicate: x.Duplicate, Revision: out.Revision,
			}, nil)
		default:
			it.fail(errBroken("the answer to a batch"))
		}
	}
}

// putAside brings a large body to every node ahead of its message, in pieces,
// among which the small messages of others pass.
func (s *Service) putAside(it *item) {
	body := it.large
	err := s.putChunks(it)
	s.mu.Lock()
	s.large -= len(body)
	it.from.aside = false
	if err == nil {
		it.encode()
		s.waiting += it.size()
		s.toQueue(it)
	} else {
		s.items--
	}
	s.unpark(it.from)
	s.pump()
	s.mu.Unlock()
	if err != nil {
		it.fail(err)
		s.unstage(it.aside)
	}
}

// unstage lets go of what was put aside of a body whose message is given up.
// Where it fails the leader does it, later.
func (s *Service) unstage(id blobID) {
	if s.cfg.Level() < LevelUnstage || s.life.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(s.life, unstageLimit)
	defer cancel()
	if _, err := s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: encodeUnstage(id)}); err != nil {
		s.cfg.Logger.Debug("what was put aside of a message's body goes later", "error", err)
	}
}

func (s *Service) putChunks(it *item) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	defer context.AfterFunc(it.ctx, cancel)()
	it.aside = blobID(id)
	it.accept.Blob = it.aside
	body := it.large
	for n := 0; len(body) > 0; n++ {
		size := min(len(body), chunkBody)
		cmd := encodeChunk(it.accept.Blob, n, body[:size])
		var err error
		for range 3 {
			if _, err = s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: cmd}); !errors.Is(err, consensus.ErrUnknown) || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			if it.ctx.Err() != nil {
				return it.ctx.Err() // the pieces that are there are swept
			}
			return err
		}
		body = body[size:]
	}
	return nil
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

func itoa(n uint64) string { return strconv.FormatUint(n, 10) }

// refusal is a verdict as clients hear it.
func (v verdict) refusal() error {
	switch v.Why {
	case whyInboxFull:
		return full(fmt.Sprintf("the inbox of %q is full; its agent must take messages, or somebody purge it", v.Name), v, InboxLimits)
	case whyMeshFull:
		return full("the inboxes of the mesh are full; agents must take messages, or somebody purge inboxes of those that are no more", v, MeshLimits)
	case whyAgents:
		return tooManyAgents()
	case whyNoSubscribers:
		return refuse(CodeNoSubscribers, "no agent takes this topic durably")
	case whyNobody:
		return refuse(CodeNoSubscribers, "no other agent is known to send it to")
	case whyRecipients:
		return tooManyRecipients(int(v.Messages))
	case whyOther:
		return otherMessage(v.Messages)
	case whyBlob:
		return refuse(CodeOverloaded, "parts of the message's body were given up while it was on its way; send it again")
	}
	return refuse(CodeUpgradeNode, "the message was refused for a reason that this version does not know; upgrade this node")
}

func full(sentence string, v verdict, l Limits) error {
	return &consensus.Refusal{Code: CodeInboxFull, Sentence: sentence, Details: map[string]string{
		"inbox": v.Name, "messages": itoa(v.Messages), "bytes": itoa(v.Size),
		"limit_messages": itoa(uint64(l.Messages)), "limit_bytes": itoa(uint64(l.Bytes)),
	}}
}
