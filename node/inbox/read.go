package inbox

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// view looks at this node's state, which has all that this node has answered.
func (s *Service) view(ctx context.Context, o consensus.ReadOptions, fn func(consensus.Reader) error) (uint64, error) {
	info, err := s.state.View(ctx, o, fn)
	return info.Revision, err
}

// body reads the body of a message that is kept.
func (m *record) body(r consensus.Reader, t *tail) (json.RawMessage, error) {
	switch m.Where {
	case bodyInline:
		return slices.Clone(json.RawMessage(t.Body)), nil
	case bodyOwn:
		if v := r.Get(tableBody, key64(m.BodyAt)); v != nil {
			return slices.Clone(json.RawMessage(v)), nil
		}
	case bodyShared:
		out := make(json.RawMessage, 0, m.BodySize)
		for n := 0; uint64(len(out)) < m.BodySize; n++ {
			v := r.Get(tableChunk, chunkKey(m.Blob, n))
			if v == nil {
				return nil, errBroken("a message's body")
			}
			out = append(out, v...)
		}
		return out, nil
	}
	return nil, errBroken("a message's body")
}

// show makes a kept message one for those above, with its body where it is
// wanted and not too large.
func (m *record) show(r consensus.Reader, agent string, seq uint64, bodies bool) (Stored, error) {
	s, err := m.stored(agent, seq)
	if err != nil || !bodies || m.BodySize > MaxShown {
		return s, err
	}
	var t tail
	t.read(m.Tail)
	s.Body, err = m.body(r, &t)
	return s, err
}

// read reads messages of one inbox that wait; those that do not are left out.
func read(r consensus.Reader, inbox uint64, agent string, seqs []uint64, bodies bool) ([]Stored, error) {
	out := make([]Stored, 0, len(seqs))
	for _, seq := range seqs {
		v := r.Get(tableMessage, key64(seq))
		if v == nil {
			continue
		}
		var m record
		if !m.read(v) {
			return nil, errBroken(fmt.Sprintf("message %d", seq))
		}
		if m.Inbox != inbox {
			continue
		}
		msg, err := m.show(r, agent, seq, bodies)
		if err != nil {
			return nil, err
		}
		out = append(out, msg)
	}
	return out, nil
}

// readDead is read for dead letters.
func readDead(r consensus.Reader, inbox uint64, agent string, seqs []uint64, bodies bool) ([]Stored, error) {
	out := make([]Stored, 0, len(seqs))
	for _, seq := range seqs {
		v := r.Get(tableDead, pairKey(inbox, seq))
		if v == nil {
			continue
		}
		var (
			d deadRecord
			m record
		)
		if err := d.open(v, &m); err != nil {
			return nil, fmt.Errorf("number %d: %w", seq, err)
		}
		msg, err := m.show(r, agent, seq, bodies)
		if err != nil {
			return nil, err
		}
		msg.Death, msg.DiedAt = deaths[d.Death], when(d.At)
		out = append(out, msg)
	}
	return out, nil
}

// Get reads messages that wait, those that are gone left out.
func (s *Service) Get(ctx context.Context, agent string, seqs []uint64, bodies bool) (out []Stored, err error) {
	id, ok := s.index.inbox(agent)
	if !ok {
		return nil, nil
	}
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
		out, err = read(r, id, agent, seqs, bodies)
		return err
	})
	return out, err
}

// Body returns the body of a waiting message or a dead letter. It asks the mesh
// before it says that there is none: another node may have told of a message that
// this one has not heard of.
func (s *Service) Body(ctx context.Context, agent string, seq uint64) (body []byte, err error) {
	for _, fresh := range []consensus.Consistency{consensus.Stale, consensus.Linearizable} {
		found := false
		if _, err = s.view(ctx, consensus.ReadOptions{Consistency: fresh}, func(r consensus.Reader) (err error) {
			body, found, err = bodyOf(r, agent, seq)
			return err
		}); err != nil || found {
			return body, err
		}
	}
	return nil, unknownMessage(agent, seq)
}

// bodyOf reads the body of a message; found is false where there is none.
func bodyOf(r consensus.Reader, agent string, seq uint64) (body json.RawMessage, found bool, err error) {
	var a agentRecord
	if v := r.Get(tableAgent, []byte(agent)); v == nil || !a.read(v) {
		return nil, false, nil
	}
	m, err := readEither(r, a.Inbox, seq)
	if m == nil || err != nil {
		return nil, false, err
	}
	var t tail
	if !t.read(m.Tail) {
		return nil, false, errBroken(fmt.Sprintf("message %d", seq))
	}
	if m.Inbox != a.Inbox {
		return nil, false, nil
	}
	body, err = m.body(r, &t)
	return body, true, err
}

// readEither reads one that waits, or else a dead letter of an inbox; nil where
// there is neither.
func readEither(r consensus.Reader, inbox, seq uint64) (*record, error) {
	var m record
	if v := r.Get(tableMessage, key64(seq)); v != nil {
		if !m.read(v) {
			return nil, errBroken(fmt.Sprintf("message %d", seq))
		}
		return &m, nil
	}
	v := r.Get(tableDead, pairKey(inbox, seq))
	if v == nil {
		return nil, nil
	}
	var d deadRecord
	if err := d.open(v, &m); err != nil {
		return nil, fmt.Errorf("number %d: %w", seq, err)
	}
	return &m, nil
}

func unknownMessage(agent string, seq uint64) error {
	return &consensus.Refusal{
		Code: CodeUnknownMessage, Sentence: "there is no such message in the inbox; it may have been acknowledged, or have expired",
		Details: map[string]string{"agent": agent, "seq": itoa(seq)},
	}
}

// pageBytes of bodies end a page.
const pageBytes = 8 << 20

// List returns a page of an inbox in order of delivery, or of its dead letters
// in order of number. An agent that is not known has an empty inbox.
func (s *Service) List(ctx context.Context, agent string, o ListOptions) (Page, error) {
	var page Page
	if err := checkAgent(agent); err != nil {
		return page, err
	}
	limit := or(o.Limit, 100)
	if limit < 1 || limit > 1000 {
		return page, invalid("limit", "limit is 1 to 1,000")
	}
	at, err := parseCursor(o.After)
	if err != nil {
		return page, err
	}
	page.Revision, err = s.view(ctx, o.Read, func(r consensus.Reader) (err error) {
		id, list := s.index.list(agent, at, limit+1, o.Dead)
		more := len(list) > limit
		list = list[:min(limit, len(list))]
		size := int64(0)
		for i, e := range list {
			if size += int64(e.size); o.Bodies && i > 0 && e.size <= MaxShown && size > pageBytes {
				list, more = list[:i], true
				break
			}
		}
		seqs := make([]uint64, len(list))
		for i, e := range list {
			seqs[i] = e.seq
		}
		if more {
			last := list[len(list)-1]
			page.Next = cursorOf(last, o.Dead)
		}
		if o.Dead {
			page.Messages, err = readDead(r, id, agent, seqs, o.Bodies)
		} else {
			page.Messages, err = read(r, id, agent, seqs, o.Bodies)
		}
		return err
	})
	return page, err
}

// place is where a page begins: behind this message.
type place struct {
	rank int
	seq  uint64
}

func cursorOf(e entry, dead bool) Cursor {
	rank := e.prio.rank()
	if dead {
		rank = 0
	}
	return Cursor(strconv.Itoa(rank) + "-" + itoa(e.seq))
}

func parseCursor(c Cursor) (p place, err error) {
	if c == "" {
		return p, nil
	}
	rank, seq, _ := strings.Cut(string(c), "-")
	p.rank, err = strconv.Atoi(rank)
	if err == nil {
		p.seq, err = strconv.ParseUint(seq, 10, 64)
	}
	if err != nil || p.rank < 0 || p.rank >= ranks {
		return p, invalid("after", "that is no place in a list of messages; begin without one")
	}
	return p, nil
}

func (x *index) inbox(agent string) (uint64, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.names[agent]; s != nil {
		return s.id, true
	}
	return 0, false
}

// list returns up to n messages behind a place, due or not, in order of
// delivery.
func (x *index) list(agent string, at place, n int, dead bool) (id uint64, out []entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.names[agent]
	if s == nil {
		return 0, nil
	}
	if dead {
		for _, d := range s.dead {
			if d.seq > at.seq && len(out) < n {
				out = append(out, entry{seq: d.seq})
			}
		}
		return s.id, out
	}
	for rank := at.rank; rank < ranks && len(out) < n; rank++ {
		from := uint64(0)
		if rank == at.rank {
			from = at.seq
		}
		out = append(out, s.rank(rank, from, n-len(out))...)
	}
	return s.id, out
}

// rank returns up to n messages of one rank behind a number.
func (s *shelf) rank(rank int, from uint64, n int) []entry {
	var out []entry
	q := &s.ready[rank]
	for _, e := range q.list[q.find(from+1):] {
		if len(out) == n {
			break
		}
		if !e.gone {
			out = append(out, e)
		}
	}
	due := len(out)
	for _, e := range s.waiting {
		if e.prio.rank() == rank && e.seq > from {
			out = append(out, e)
		}
	}
	if len(out) > due {
		slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	}
	return out[:min(n, len(out))]
}
