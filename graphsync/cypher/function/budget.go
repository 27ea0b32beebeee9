package function

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Limits are what one query may take. Zero means no bound.
type Limits struct {
	Rows       int // of the answer
	Expansions int // relationships followed and nodes looked at
	Bytes      int // held at once, about
	Time       time.Duration
	// Pause, if given, is told the time every some hundred steps. It may wait, and
	// its error ends the query.
	Pause func(now time.Time) error
}

// MaxDepth is how deep lists and maps may be nested in one another.
const MaxDepth = 1000

// lookEvery is how much work passes between two looks at the clock: some 0.2 ms.
const lookEvery = 256

// Budget counts what a query takes and refuses what is beyond its limits. It is
// for one goroutine.
type Budget struct {
	ctx      context.Context
	deadline time.Time
	limits   Limits
	rows     int
	expanded int
	held     int
	peak     int
	work     int // since the last look at the clock
}

// NewBudget starts to count; its time begins now.
func NewBudget(ctx context.Context, limits Limits) *Budget {
	b := &Budget{ctx: ctx, limits: limits}
	if limits.Time > 0 {
		b.deadline = time.Now().Add(limits.Time)
	}
	return b
}

// Row counts a row of the answer.
func (b *Budget) Row() error {
	b.rows++
	if b.limits.Rows > 0 && b.rows > b.limits.Rows {
		return limit("rows", "the answer would have more than %d rows", b.limits.Rows)
	}
	return b.Step(1)
}

// Expand counts n relationships or nodes that were looked at.
func (b *Budget) Expand(n int) error {
	b.expanded += n
	if b.limits.Expansions > 0 && b.expanded > b.limits.Expansions {
		return limit("expansions", "the query would look at more than %d nodes and relationships", b.limits.Expansions)
	}
	return b.Step(n)
}

// Step counts work that is bounded by time alone, as that on the elements of a
// list.
func (b *Budget) Step(n int) error {
	b.work += n
	if b.work < lookEvery {
		return nil
	}
	b.work = 0
	return b.Look()
}

// Look looks at the clock and the context at once. It lets others run first: a
// query waits for nothing but other queries, and what does would get its turn only
// when the runtime takes it by force, which is some 10 ms for each query under way.
func (b *Budget) Look() error {
	runtime.Gosched()
	err := b.ctx.Err()
	if err == nil && b.limits.Pause != nil {
		err = b.limits.Pause(time.Now())
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return limit("time", "the query took too long")
		}
		return err
	}
	if !b.deadline.IsZero() && time.Now().After(b.deadline) {
		return limit("time", "the query took longer than %v", b.limits.Time)
	}
	return nil
}

// Hold counts memory that stays in use until Release.
func (b *Budget) Hold(bytes int) error {
	if err := b.Room(bytes); err != nil {
		return err
	}
	b.held += bytes
	b.peak = max(b.peak, b.held)
	return nil
}

// Release gives back what Hold took.
func (b *Budget) Release(bytes int) { b.held -= bytes }

// Room says whether there is memory for something that does not last, as one
// value that an expression makes: ask before making it.
func (b *Budget) Room(bytes int) error {
	if b.limits.Bytes > 0 && (bytes < 0 || bytes > b.limits.Bytes-b.held) {
		return limit("memory", "the query would need more than %d bytes of memory", b.limits.Bytes)
	}
	return nil
}

// Fits refuses a value that is too large or nested too deep.
func (b *Budget) Fits(v value.Value) error {
	if value.Depth(v) > MaxDepth {
		return limit("depth", "lists and maps would be nested more than %d levels deep", MaxDepth)
	}
	return b.Room(value.Size(v))
}

// Expansions is how many expansions were counted.
func (b *Budget) Expansions() int { return b.expanded }

// Bytes is the most memory that was held at once.
func (b *Budget) Bytes() int { return b.peak }

func limit(which, format string, args ...any) error {
	err := fault.Run(fault.Pos{}, fault.Limit, "", format, args...)
	err.Limit = which
	return err
}
