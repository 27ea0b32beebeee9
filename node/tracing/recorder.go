package tracing

import (
	"cmp"
	"encoding/binary"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"
)

// MaxSpans is how many spans a node remembers; the oldest go first.
const MaxSpans = 4096

// Recorder is the memory of one node. Its methods are safe for concurrent use;
// a nil *Recorder records nothing.
type Recorder struct {
	share float64
	now   func() time.Time

	mu   sync.Mutex
	ring []Record
	next int
}

// New makes a recorder that also starts traces by itself, for a share of what
// enters the mesh without a trace context: 0 none, 1 all.
func New(share float64) *Recorder { return &Recorder{share: share, now: time.Now} }

// Start begins a span under a traceparent if that asks for recording; else it
// returns nil, at the cost of looking at its flag.
func (r *Recorder) Start(parent, name string) *Span {
	if r == nil || !sampled(parent) {
		return nil
	}
	c, err := Parse(parent)
	if err != nil {
		return nil
	}
	return r.begin(c, name)
}

// Enter is Start for what comes from outside of the mesh: without a
// traceparent, this may be the beginning of a trace.
func (r *Recorder) Enter(parent, name string) *Span {
	if r == nil || parent != "" || r.share <= 0 {
		return r.Start(parent, name)
	}
	if r.share < 1 && mathrand.Float64() >= r.share {
		return nil
	}
	c := Begin()
	c.Span = SpanID{}
	return r.begin(c, name)
}

func (r *Recorder) begin(parent Context, name string) *Span {
	now := r.now()
	s := &Span{recorder: r, flags: parent.Flags, begun: now, record: Record{Trace: parent.Trace, Parent: parent.Span, Name: clip(name), Begun: now.UnixMicro()}}
	for s.record.Span == (SpanID{}) {
		binary.BigEndian.PutUint64(s.record.Span[:], mathrand.Uint64())
	}
	return s
}

func (r *Recorder) keep(record Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ring) < MaxSpans {
		r.ring = append(r.ring, record)
		return
	}
	r.ring[r.next] = record
	r.next = (r.next + 1) % MaxSpans
}

// Trace returns what is remembered of a trace, by the time at which it began;
// at most limit spans, the first.
func (r *Recorder) Trace(id TraceID, limit int) (found []Record) {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	for i := range r.ring {
		if r.ring[i].Trace == id {
			found = append(found, r.ring[i])
		}
	}
	r.mu.Unlock()
	slices.SortStableFunc(found, func(a, b Record) int { return cmp.Compare(a.Begun, b.Begun) })
	return found[:min(len(found), limit)]
}
