package function

import (
	"math"
	"slices"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	const summable = Number | Duration
	register(
		aggregate("count", 0, nil, Integer, func() Accumulator { return &count{} }),
		aggregate("sum", 1, types(summable), summable, func() Accumulator { return &sum{name: "sum"} }),
		aggregate("avg", 1, types(summable), Float|Duration, func() Accumulator { return &avg{sum: sum{name: "avg"}} }),
		aggregate("min", 1, nil, Any, func() Accumulator { return &extreme{sign: -1} }),
		aggregate("max", 1, nil, Any, func() Accumulator { return &extreme{sign: 1} }),
		aggregate("collect", 1, nil, List, func() Accumulator { return &collect{} }),
		aggregate("stDev", 1, types(Number), Float, func() Accumulator { return &deviation{name: "stDev", sample: true} }),
		aggregate("stDevP", 1, types(Number), Float, func() Accumulator { return &deviation{name: "stDevP"} }),
		aggregate("percentileCont", 2, types(Number), Float, func() Accumulator { return &percentile{name: "percentileCont", between: true} }),
		aggregate("percentileDisc", 2, types(Number), Number, func() Accumulator { return &percentile{name: "percentileDisc"} }),
	)
}

// aggregate is one of so many arguments, of which the first is what is gathered;
// 0 is count, which may have none.
func aggregate(name string, args int, takes []Type, result Type, start func() Accumulator) *Func {
	return &Func{Name: name, Min: args, Max: max(1, args), Aggregate: true, Args: takes, Result: result,
		New: func(distinct bool) Accumulator {
			if distinct {
				return &distinctly{Accumulator: start(), seen: map[string]struct{}{}}
			}
			return start()
		}}
}

// distinctly lets every value pass once.
type distinctly struct {
	Accumulator
	seen map[string]struct{}
	key  []byte
}

const setEntryBytes = 48

func (d *distinctly) Add(env *Env, pos fault.Pos, args []value.Value) error {
	d.key = d.key[:0]
	if len(args) > 0 {
		if err := env.Budget.Step(value.Size(args[0]) / 1024); err != nil {
			return fault.Place(pos, err)
		}
		d.key = value.AppendKey(d.key, args[0])
	}
	if _, ok := d.seen[string(d.key)]; ok {
		return nil
	}
	if err := env.Budget.Hold(setEntryBytes + len(d.key)); err != nil {
		return fault.Place(pos, err)
	}
	d.seen[string(d.key)] = struct{}{}
	return d.Accumulator.Add(env, pos, args)
}

type count struct{ n int64 }

func (c *count) Add(_ *Env, _ fault.Pos, args []value.Value) error {
	if len(args) == 0 || !args[0].IsNull() {
		c.n++
	}
	return nil
}

func (c *count) Result() (value.Value, error) { return value.Int(c.n), nil }

// sum adds integers exactly, until there is a float among them.
type sum struct {
	name  string
	total value.Value
}

func (s *sum) Add(_ *Env, pos fault.Pos, args []value.Value) error {
	v := args[0]
	switch {
	case v.IsNull():
		return nil
	case !(Number | Duration).Has(v.Kind()):
		return wrongArgument(pos, s.name, v)
	case s.total.IsNull():
		s.total = v
		return nil
	}
	if (v.Kind() == value.KindDuration) != (s.total.Kind() == value.KindDuration) {
		return wrongArgument(pos, s.name, v)
	}
	total, err := value.Add(s.total, v)
	if err != nil {
		return fault.Place(pos, err)
	}
	s.total = total
	return nil
}

func (s *sum) Result() (value.Value, error) {
	if s.total.IsNull() {
		return value.Int(0), nil
	}
	return s.total, nil
}

// avg is of integers exact as long as their sum is, and of floats, or durations.
type avg struct {
	sum
	n int64
}

func (a *avg) Add(env *Env, pos fault.Pos, args []value.Value) error {
	if args[0].IsNull() {
		return nil
	}
	a.n++
	err := a.sum.Add(env, pos, args)
	if err != nil && a.total.Kind() == value.KindInt && args[0].Kind() == value.KindInt {
		a.total = value.Float(number(a.total) + number(args[0]))
		return nil
	}
	return err
}

func (a *avg) Result() (value.Value, error) {
	switch {
	case a.n == 0:
		return value.Null, nil
	case a.total.Kind() == value.KindDuration:
		return value.Div(a.total, value.Int(a.n))
	}
	return value.Float(number(a.total) / float64(a.n)), nil
}

// extreme is min and max, by the order of ORDER BY.
type extreme struct {
	sign int
	best value.Value
}

func (e *extreme) Add(env *Env, pos fault.Pos, args []value.Value) error {
	v := args[0]
	if err := env.Budget.Step(value.Size(v) / 1024); err != nil {
		return fault.Place(pos, err)
	}
	if !v.IsNull() && (e.best.IsNull() || value.Order(v, e.best)*e.sign > 0) {
		e.best = v
	}
	return nil
}

func (e *extreme) Result() (value.Value, error) { return e.best, nil }

type collect struct{ list []value.Value }

func (c *collect) Add(env *Env, pos fault.Pos, args []value.Value) error {
	v := args[0]
	if v.IsNull() {
		return nil
	}
	if value.Depth(v) >= MaxDepth {
		return fault.Place(pos, limit("depth", "lists and maps would be nested more than %d levels deep", MaxDepth))
	}
	if err := env.Budget.Hold(value.Size(v)); err != nil {
		return fault.Place(pos, err)
	}
	c.list = append(c.list, v)
	return nil
}

func (c *collect) Result() (value.Value, error) { return value.List(c.list), nil }

// deviation is Welford's way to the standard deviation.
type deviation struct {
	name            string
	sample          bool
	n               int64
	mean, sumSquare float64
}

func (d *deviation) Add(_ *Env, pos fault.Pos, args []value.Value) error {
	v := args[0]
	if v.IsNull() {
		return nil
	}
	if !Number.Has(v.Kind()) {
		return wrongArgument(pos, d.name, v)
	}
	d.n++
	x := number(v)
	delta := x - d.mean
	d.mean += delta / float64(d.n)
	d.sumSquare += delta * (x - d.mean)
	return nil
}

func (d *deviation) Result() (value.Value, error) {
	n := d.n
	if d.sample {
		n--
	}
	if n < 1 {
		return value.Float(0), nil
	}
	return value.Float(math.Sqrt(d.sumSquare / float64(n))), nil
}

// percentile is the number below which a share of all lies: one of them, or
// between two.
type percentile struct {
	name    string
	between bool
	share   float64
	numbers []value.Value
}

func (p *percentile) Add(env *Env, pos fault.Pos, args []value.Value) error {
	v, share := args[0], args[1]
	if !Number.Has(share.Kind()) || share.IsNull() {
		return wrongArgument(pos, p.name, share)
	}
	p.share = number(share)
	if !(p.share >= 0 && p.share <= 1) {
		return fault.Run(pos, fault.Argument, "NumberOutOfRange", "%s() takes a share between 0.0 and 1.0", p.name)
	}
	if v.IsNull() {
		return nil
	}
	if !Number.Has(v.Kind()) {
		return wrongArgument(pos, p.name, v)
	}
	if err := env.Budget.Hold(value.Size(v)); err != nil {
		return fault.Place(pos, err)
	}
	p.numbers = append(p.numbers, v)
	return nil
}

func (p *percentile) Result() (value.Value, error) {
	n := len(p.numbers)
	if n == 0 {
		return value.Null, nil
	}
	slices.SortFunc(p.numbers, value.Order)
	if p.between {
		at := p.share * float64(n-1)
		low, high := number(p.numbers[int(at)]), number(p.numbers[int(math.Ceil(at))])
		return value.Float(low + (high-low)*(at-math.Floor(at))), nil
	}
	return p.numbers[max(0, int(math.Ceil(p.share*float64(n)))-1)], nil
}
