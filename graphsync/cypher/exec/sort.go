package exec

import (
	"container/heap"
	"errors"
	"math"
	"sort"

	"github.com/meshd/meshd/graphsync/cypher/plan"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// sorting orders rows. Where only the first of them are needed it keeps no more.
type sorting struct {
	link
	m     *machine
	keys  []fn
	desc  []bool
	keep  []int
	cut   *slice // what follows, if that takes only the first rows
	rows  sortRows
	fresh []value.Value // the keys of the row that comes in
	count int           // how many came in
	most  int
	held  int
}

type sortRow struct {
	keys, keep []value.Value
	came       int
	bytes      int
}

// sortRows is a heap, the last row on top.
type sortRows struct {
	list []sortRow
	desc []bool
}

func (r *sortRows) Len() int      { return len(r.list) }
func (r *sortRows) Swap(i, j int) { r.list[i], r.list[j] = r.list[j], r.list[i] }
func (r *sortRows) Push(x any)    { r.list = append(r.list, x.(sortRow)) }
func (r *sortRows) Less(i, j int) bool {
	return r.before(&r.list[j], &r.list[i])
}

func (r *sortRows) Pop() any {
	last := r.list[len(r.list)-1]
	r.list = r.list[:len(r.list)-1]
	return last
}

func (r *sortRows) before(a, b *sortRow) bool {
	for i := range a.keys {
		if c := value.Order(a.keys[i], b.keys[i]); c != 0 {
			return (c < 0) != r.desc[i]
		}
	}
	return a.came < b.came
}

func (b *builder) sort(op *plan.Sort) error {
	s := &sorting{m: b.m}
	for _, item := range op.By {
		f, err := b.compile(item.Expr)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, f)
		s.desc = append(s.desc, item.Desc)
	}
	seen := map[int]bool{}
	for _, name := range op.Keep {
		slot, ok := b.scope.Lookup(name)
		if ok && !seen[slot] {
			seen[slot] = true
			s.keep = append(s.keep, slot)
		}
	}
	if op.Limit != nil {
		var err error
		if s.cut, err = b.newSlice(op.Skip, op.Limit); err != nil {
			return err
		}
		b.cut = s.cut
	}
	s.rows.desc, s.fresh = s.desc, make([]value.Value, len(s.keys))
	b.chain.add(s)
	return nil
}

func (s *sorting) open() error {
	s.drop()
	s.most = math.MaxInt
	if s.cut != nil {
		if err := s.cut.measure(); err != nil {
			return err
		}
		if sum := s.cut.first + s.cut.most; sum >= 0 {
			s.most = sum
		}
	}
	return s.next.open()
}

func (s *sorting) drop() {
	s.m.env.Budget.Release(s.held)
	s.held, s.count, s.rows.list = 0, 0, nil
}

func (s *sorting) push() error {
	if s.most == 0 {
		return errStop
	}
	r := sortRow{keys: s.fresh, came: s.count, bytes: groupBytes}
	s.count++
	for i, f := range s.keys {
		var err error
		if r.keys[i], err = f(s.m.env, s.m.row); err != nil {
			return err
		}
	}
	if len(s.rows.list) == s.most && !s.rows.before(&r, &s.rows.list[0]) {
		return nil
	}
	values := make([]value.Value, len(s.keys)+len(s.keep))
	copy(values, r.keys)
	r.keys, r.keep = values[:len(s.keys)], values[len(s.keys):]
	for i, slot := range s.keep {
		r.keep[i] = s.m.row[slot]
	}
	for _, v := range values {
		r.bytes += value.Size(v)
	}
	if err := s.m.env.Budget.Hold(r.bytes); err != nil {
		return err
	}
	s.held += r.bytes
	switch {
	case s.most == math.MaxInt:
		s.rows.list = append(s.rows.list, r)
	case len(s.rows.list) < s.most:
		heap.Push(&s.rows, r)
	default:
		out := s.rows.list[0].bytes
		s.m.env.Budget.Release(out)
		s.held -= out
		s.rows.list[0] = r
		heap.Fix(&s.rows, 0)
	}
	return nil
}

func (s *sorting) close() error {
	sort.Slice(s.rows.list, func(i, j int) bool { return s.rows.before(&s.rows.list[i], &s.rows.list[j]) })
	for i := range s.rows.list {
		for j, slot := range s.keep {
			s.m.row[slot] = s.rows.list[i].keep[j]
		}
		err := s.next.push()
		if errors.Is(err, errStop) {
			break
		}
		if err != nil {
			return err
		}
	}
	s.drop()
	return s.next.close()
}
