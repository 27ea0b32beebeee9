package inbox

import (
	"slices"
	"strings"
)

// LevelShare is the command level from which messages are counted to the
// principal that sent them.
const LevelShare = 5

// shareOf is the part of MeshLimits that messages of one principal may take: a
// quarter, so that who sends without end leaves room to the others.
const shareOf = 4

// ShareLimits bound what waits of one principal in all inboxes, dead letters
// included.
func ShareLimits() Limits {
	return Limits{Messages: MeshLimits.Messages / shareOf, Bytes: MeshLimits.Bytes / shareOf}
}

// share is what the state holds of one principal: messages that are marked as
// counted, and dead letters of them. Those of before LevelShare are in nobody's.
type share struct{ Messages, Bytes uint64 }

func (s *share) fields() []*uint64 { return []*uint64{&s.Messages, &s.Bytes} }

func (s *share) encode(b []byte) []byte { return appendNumbers(b, s.fields()) }

func (s *share) read(v []byte) bool {
	c := cursor{b: v}
	c.numbers(s.fields())
	return c.whole()
}

// shares are those that a command has come to. They are written once, at its
// end.
type shares struct {
	list  []*heldShare
	of    map[string]*heldShare
	spare []*heldShare
}

type heldShare struct {
	share
	was       share
	principal string
}

func (s *shares) begin() {
	s.spare = append(s.spare, s.list...)
	s.list = s.list[:0]
	if s.of == nil || len(s.of) > 1024 {
		s.of, s.spare = map[string]*heldShare{}, nil
	}
	clear(s.of)
}

// share returns what is held of a principal.
func (r *run) share(principal []byte) (*heldShare, error) {
	if h := r.shares.of[string(principal)]; h != nil {
		return h, nil
	}
	var h *heldShare
	if n := len(r.shares.spare); n > 0 {
		h = r.shares.spare[n-1]
		r.shares.spare = r.shares.spare[:n-1]
	} else {
		h = new(heldShare)
	}
	*h = heldShare{principal: string(principal)}
	if v := r.w.Get(tableShare, principal); v != nil {
		if !h.read(v) {
			return nil, errBroken("the share of a principal")
		}
		h.was = h.share
	}
	r.shares.list = append(r.shares.list, h)
	r.shares.of[h.principal] = h
	return h, nil
}

// endShares writes those that have changed, in the order of their keys, which
// costs the state less.
func (r *run) endShares() {
	slices.SortFunc(r.shares.list, func(a, b *heldShare) int { return strings.Compare(a.principal, b.principal) })
	for _, h := range r.shares.list {
		if h.share != h.was {
			r.buf = h.encode(r.buf[:0])
			r.w.Put(tableShare, []byte(h.principal), r.buf)
		}
	}
}

// room says whether the share takes so much more; the verdict is of use where it
// does not.
func (h *heldShare) room(messages, bytes uint64) (verdict, bool) {
	limits := ShareLimits()
	if h.Messages+messages > uint64(limits.Messages) || h.Bytes+bytes > uint64(limits.Bytes) {
		return verdict{Why: whyShareFull, Messages: h.Messages, Size: h.Bytes}, false
	}
	return verdict{}, true
}

// gone counts a message that is no more out of its sender's share. A dead letter
// is still in it: it takes the room of the others too.
func (r *run) gone(m *record) error {
	if !m.Counted {
		return nil
	}
	var t tail
	if !t.readSender(m.Tail) {
		return errBroken("a message")
	}
	h, err := r.share(t.Principal)
	if err != nil {
		return err
	}
	if h.Messages == 0 || h.Bytes < m.Charge {
		return errBroken("the share of a principal")
	}
	h.Messages--
	h.Bytes -= m.Charge
	return nil
}

// dropShares removes those named that are of nothing. They stay until a sweep,
// since who sends one message mostly sends another.
func (r *run) dropShares(principals [][]byte) (n int, err error) {
	for _, p := range principals {
		v := r.w.Get(tableShare, p)
		if v == nil {
			continue
		}
		var s share
		if !s.read(v) {
			return n, errBroken("the share of a principal")
		}
		if s == (share{}) {
			r.w.Delete(tableShare, p)
			n++
		}
	}
	return n, nil
}

// counts says whether messages of a principal are counted to a share of its own.
func (s *Service) counts(principal string) bool {
	return principal != "" && s.cfg.Level() >= LevelShare && (s.cfg.Whole == nil || !s.cfg.Whole(principal))
}
