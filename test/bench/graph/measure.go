package main

import (
	"context"
	"log"
	"slices"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// maxOps bounds the measurement of one operation.
const maxOps = 5000

// row is what one operation came to.
type row struct {
	name          string
	n             int
	p50, p95, p99 time.Duration
	cpu           float64 // seconds of all servers for 1,000 operations
	bytes         float64 // of an answer, on average
	target        time.Duration
	fault         error
}

// percentile is the value that so many hundredths are not above; all is sorted.
func percentile(all []time.Duration, of int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	return all[min(len(all)-1, len(all)*of/100)]
}

func (r *row) times(all []time.Duration) {
	slices.Sort(all)
	r.n, r.p50, r.p95, r.p99 = len(all), percentile(all, 50), percentile(all, 95), percentile(all, 99)
}

// cpu is what all servers have used.
func (b *bench) cpu() (sum float64) {
	for _, p := range b.mesh.Processes {
		sum += proc.CPUSeconds(p.PID())
	}
	return sum
}

// op measures one operation with one client that asks again when it has the
// answer, for as long as the budget goes; next makes the i-th request. A tenth
// is a warm-up that does not count.
func (b *bench) op(name string, target time.Duration, at int, next func(i int) request) {
	if b.settings.ops.MatchString(name) {
		b.add(b.timed(name, target, at, next))
	}
}

// add puts a row into the report.
func (b *bench) add(r row) {
	if r.fault != nil {
		log.Printf("  %-34s %v", r.name, r.fault)
	} else {
		log.Printf("  %-34s p50 %s  p95 %s  p99 %s  %.2f CPU s/1,000  %.0f bytes  n %d", r.name, ms(r.p50), ms(r.p95), ms(r.p99), r.cpu, r.bytes, r.n)
	}
	b.out.rows = append(b.out.rows, r)
}

func (b *bench) timed(name string, target time.Duration, at int, next func(i int) request) row {
	r := row{name: name, target: target}
	i := 0
	for end := time.Now().Add(b.budget / 10); i == 0 || time.Now().Before(end); i++ {
		if _, r.fault = b.clients[at].do(b.ctx, next(i)); r.fault != nil {
			return r
		}
	}
	var all []time.Duration
	cpu := b.cpu()
	for end := time.Now().Add(b.budget); time.Now().Before(end) && (len(all) < maxOps || b.settings.ops.String() != ""); i++ {
		q := next(i)
		begun := time.Now()
		a, err := b.clients[at].do(b.ctx, q)
		if err != nil {
			r.fault = err
			return r
		}
		all = append(all, a.at.Sub(begun))
		r.bytes += float64(len(a.body))
	}
	r.cpu = (b.cpu() - cpu) * 1000 / float64(len(all))
	r.bytes /= float64(len(all))
	r.times(all)
	return r
}

// until asks until the answer is a success, or says no more about why it is not.
func until(ctx context.Context, limit time.Duration, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
