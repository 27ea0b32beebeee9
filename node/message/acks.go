package message

import "time"

const (
	// maxAcks is how many acknowledgements a strand remembers: those of all that
	// a node has out here when it dies, and of what it had not told the state yet.
	maxAcks = 4096
	// acksFor is how long one may matter.
	acksFor = time.Minute
)

// Ack says that an agent has acknowledged a message of an inbox.
type Ack struct {
	Inbox string
	Seq   uint64
}

// acks are the last acknowledgements that went to another node over a strand. It
// may have died before it told the state, and then they are known here only.
type acks struct {
	list []timedAck
}

type timedAck struct {
	Ack
	at time.Time
}

func (a *acks) add(one Ack, now time.Time) {
	if len(a.list) == 2*maxAcks {
		a.list = append(a.list[:0], a.list[maxAcks:]...)
	}
	a.list = append(a.list, timedAck{one, now})
}

// take empties it, and returns those that still may matter.
func (a *acks) take(now time.Time) (out []Ack) {
	for _, one := range a.list[max(len(a.list)-maxAcks, 0):] {
		if now.Sub(one.at) < acksFor {
			out = append(out, one.Ack)
		}
	}
	a.list = nil
	return out
}

// acknowledged notes that an agent here has acknowledged a message that the other
// node pushes.
func (s *Strand) acknowledged(one Ack) {
	s.mu.Lock()
	over := s.over.Load()
	if !over {
		s.acks.add(one, time.Now())
	}
	s.mu.Unlock()
	if over {
		s.router.orphaned([]Ack{one})
	}
}

// orphan hands on what the other node may not have told the state.
func (s *Strand) orphan() {
	s.mu.Lock()
	list := s.acks.take(time.Now())
	s.mu.Unlock()
	s.router.orphaned(list)
}

func (r *Router) orphaned(list []Ack) {
	if len(list) > 0 && r.cfg.Orphaned != nil && !r.closed.Load() {
		r.cfg.Orphaned(list)
	}
}

// orphanAll does so for nodes that do not live, whose connections may stand for
// a while yet.
func (r *Router) orphanAll(living func(node string) bool) {
	r.lanes.Range(func(node, way any) bool {
		if living(node.(string)) {
			return true
		}
		l := way.(*lane)
		l.mu.Lock()
		list := append([]*Strand(nil), l.strands...)
		l.mu.Unlock()
		for _, s := range list {
			s.orphan()
		}
		return true
	})
}
