package agent

import (
	"sync"
	"time"

	"github.com/meshd/meshd/node/message"
)

// maxWrite is about how many bytes of messages go into one write.
const maxWrite = 64 << 10

// flusher writes what waits for a client, on a goroutine of the crew.
type flusher struct{ c *client }

func (f flusher) run() { f.c.flush() }

// wake sees to it that what is queued is written: by the reader, if it is at
// work and will look before it waits, else by a goroutine of the crew. Nobody
// who has something for a client may be held up by it.
func (c *client) wake() {
	l := c.link.Load()
	if l == nil || l.reading.Load() {
		return
	}
	if !c.scheduled.Swap(true) {
		c.server.crew.do(flusher{c})
	}
}

// flush writes until nothing waits. It needs scheduled, which it gives up.
func (c *client) flush() {
	for {
		c.writing.Lock()
		l := c.link.Load()
		ok := l != nil && c.drain(l, false)
		c.writing.Unlock()
		c.scheduled.Store(false)
		// A connection that came meanwhile may have found this one at work.
		if !ok && c.link.Load() == l || !c.ready() || c.scheduled.Swap(true) {
			return
		}
	}
}

func (c *client) ready() bool {
	if c.resumable.Load() && c.unseen.Load() >= seenEvery {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.ended && c.queue.ready()
}

// batch is what is written at once.
type batch struct {
	text      *[]byte
	ends      []end
	acked     []string
	control   []byte
	bulk      bool // the client takes arrays of frames, and ranges of ids
	sent      []sent
	dropped   uint64
	total     uint64
	delivered []*message.Delivery
}

// sent is a message on its way to the client.
type sent struct {
	d  *message.Delivery
	id uint64
	// awaited: the client's word ends it, and not the write.
	awaited bool
}

var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *batch) release() {
	if b.text != nil {
		putBuffer(b.text)
	}
	clear(b.acked)
	clear(b.sent)
	clear(b.delivered)
	*b = batch{ends: b.ends[:0], acked: b.acked[:0], sent: b.sent[:0], delivered: b.delivered[:0]}
	batches.Put(b)
}

// take moves what waits into a batch; false where nothing does. last leaves
// the messages.
func (c *client) take(b *batch, last bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := &c.queue
	if c.ended || !q.ready() {
		return false
	}
	b.text, q.text = q.text, nil
	b.ends, q.ends = q.ends, b.ends
	b.acked, q.acked = q.acked, b.acked
	b.control, q.control = q.control, nil
	b.bulk = c.bulk
	q.streamed = 0
	q.roomy()
	if q.due() {
		b.dropped, b.total = q.dropped-q.droppedTold, q.dropped
		q.droppedTold = q.dropped
	}
	if last {
		return true
	}
	freed := 0
	defer func() { c.server.held.Add(-int64(freed)) }()
	for size := 0; size < maxWrite; {
		d, held := q.next()
		if d == nil {
			break
		}
		freed += held
		if !d.Sent() {
			if isTopic(d.Message.To) {
				q.dropped++ // its time was over before the client took it
			}
			continue
		}
		q.spend()
		c.nextID++
		awaited := c.acks || d.Message.Stored != nil
		if awaited || d.WantReply {
			c.owe(c.nextID, d)
		}
		b.sent = append(b.sent, sent{d, c.nextID, awaited})
		size += len(d.Message.Body) + 256
	}
	return true
}

// drain writes what waits in as few writes as it can; false where the
// connection failed. A message counts as delivered when the write is done, or,
// where the client said so, when it has confirmed or acknowledged it. It needs
// writing. last is for what a client is told before it is put out.
func (c *client) drain(l *link, last bool) bool {
	out := getBuffer()
	defer putBuffer(out)
	for {
		b := batches.Get().(*batch)
		more := c.take(b, last)
		*out = c.encode((*out)[:0], b)
		if !more && len(*out) == 0 {
			b.release()
			return true
		}
		if err := l.write(*out); err != nil {
			b.release()
			l.fail("a frame could not be written")
			return false
		}
		for _, d := range b.delivered {
			d.Delivered()
		}
		b.release()
		if last {
			return true
		}
	}
}

// encode appends a batch as WebSocket messages, and numbers and keeps its frames
// if the session can be resumed.
func (c *client) encode(out []byte, b *batch) []byte {
	t := texts{out: append(out, b.control...), arrays: b.bulk}
	resumable := c.resumable.Load()
	if resumable && c.unseen.Load() > 0 {
		t.frame(c.seenFrame())
	}
	c.encodeOwn(&t, b, resumable)
	now := time.Now()
	for _, s := range b.sent {
		number := uint64(0)
		if resumable {
			number = c.kept.last + 1
		}
		begin := t.begin()
		t.out = appendReceive(t.out, s.id, number, s.d, now, &c.server.tails)
		switch {
		case resumable && s.awaited:
			c.keep(t.out[begin:], nil)
		case resumable:
			c.keep(t.out[begin:], s.d)
		case !s.awaited:
			b.delivered = append(b.delivered, s.d)
		}
		t.end()
	}
	t.seal()
	return t.out
}

// encodeOwn appends the frames of the node's own.
func (c *client) encodeOwn(t *texts, b *batch, resumable bool) {
	own := func(frame []byte, numbered bool) {
		begin := t.begin()
		if resumable && numbered {
			t.out = appendNumbered(t.out, frame, c.kept.last+1)
			c.keep(t.out[begin:], nil)
		} else {
			t.out = append(t.out, frame...)
		}
		t.end()
	}
	begin := 0
	for _, e := range b.ends {
		own((*b.text)[begin:e.at], e.numbered)
		begin = e.at
	}
	if len(b.acked) > 0 {
		scratch := getBuffer()
		defer putBuffer(scratch)
		for ids := b.acked; len(ids) > 0; {
			n := min(len(ids), maxAcks)
			*scratch = appendAcks((*scratch)[:0], ids[:n], b.bulk)
			ids = ids[n:]
			own(*scratch, true)
		}
	}
	if b.dropped > 0 {
		f := outbound{Type: "dropped", Count: b.dropped, Total: b.total}
		if text, err := f.encode(); err == nil {
			own(text, true)
		}
	}
}

// keep keeps a numbered frame until the client has confirmed it; d is delivered
// then.
func (c *client) keep(frame []byte, d *message.Delivery) { c.kept.add(frame, d, &c.server.heldKept) }
