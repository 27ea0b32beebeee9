package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// body is a JSON string of size bytes that tells its sender and its number.
func body(size, sender int, n int64) []byte {
	s := fmt.Sprintf(`"%05d%012d`, sender, n)
	return []byte(s + strings.Repeat("v", max(0, size-len(s)-1)) + `"`)
}

// renumber writes another number into a body.
func renumber(b []byte, n int64) {
	for i := 17; i > 5; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

func parse(b []byte) (sender int, n int64) {
	if len(b) < 18 {
		return -1, -1
	}
	sender, _ = strconv.Atoi(string(b[1:6]))
	n, _ = strconv.ParseInt(string(b[6:18]), 10, 64)
	return sender, n
}

// meter counts what is done while it measures.
type meter struct {
	on     atomic.Bool
	ops    atomic.Int64
	fails  atomic.Int64
	mu     sync.Mutex
	first  string
	took   [][]time.Duration
	begun  time.Time
	result result
	cpu    time.Duration
}

func newMeter(workers int) *meter { return &meter{took: make([][]time.Duration, workers)} }

// did counts one operation of a worker that began then; it is the worker's own.
func (m *meter) did(worker int, begun time.Time, err error) {
	switch {
	case err != nil:
		m.fail(err)
	case m.on.Load():
		m.ops.Add(1)
		m.took[worker] = append(m.took[worker], time.Since(begun))
	}
}

func (m *meter) fail(err error) {
	if m.fails.Add(1) == 1 {
		m.mu.Lock()
		m.first = err.Error()
		m.mu.Unlock()
	}
}

// during warms up, measures, and returns when the time is over.
func (m *meter) during(o options) {
	time.Sleep(o.warm)
	m.begin()
	time.Sleep(o.measure)
	m.end()
}

func (m *meter) begin() {
	fmt.Println("begin")
	m.cpu, m.begun = cpuTime(), time.Now()
	m.on.Store(true)
}

func (m *meter) end() {
	m.on.Store(false)
	m.result.Seconds, m.result.CPU = time.Since(m.begun).Seconds(), (cpuTime() - m.cpu).Seconds()
	m.result.Ops = m.ops.Load()
	fmt.Println("end")
}

// done is to be called when all workers have ended.
func (m *meter) done() result {
	r := m.result
	m.mu.Lock()
	r.Errors, r.FirstFail = m.fails.Load(), m.first
	m.mu.Unlock()
	all := slices.Concat(m.took...)
	slices.Sort(all)
	if len(all) > 0 {
		at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
		r.P50, r.P99, r.Max = at(.5), at(.99), at(1)
	}
	return r
}

// ledger is what a receiver had of each sender, who number their messages from
// 0. It belongs to one receiver.
type ledger struct {
	next    []int64
	missing []map[int64]bool
	res     struct{ received, duplicates, disordered atomic.Int64 }
}

func newLedger(senders int) *ledger {
	return &ledger{next: make([]int64, senders), missing: make([]map[int64]bool, senders)}
}

func (l *ledger) take(b []byte) {
	s, n := parse(b)
	if s < 0 || s >= len(l.next) {
		return
	}
	switch {
	case n == l.next[s]:
		l.next[s]++
	case n > l.next[s]:
		if l.missing[s] == nil {
			l.missing[s] = map[int64]bool{}
		}
		for ; l.next[s] < n; l.next[s]++ {
			l.missing[s][l.next[s]] = true
		}
		l.next[s]++
	case l.missing[s][n]:
		delete(l.missing[s], n)
		l.res.disordered.Add(1)
	default:
		l.res.duplicates.Add(1)
		return
	}
	l.res.received.Add(1)
}

// settle waits until so many have been received, or nothing more comes.
func (l *ledger) settle(sent int64) {
	last, since := int64(-1), time.Now()
	for {
		got := l.res.received.Load()
		if got >= sent {
			return
		}
		if got != last {
			last, since = got, time.Now()
		}
		if time.Since(since) > 5*time.Second {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *ledger) tell(r *result, sent int64) {
	r.Sent, r.Received = sent, l.res.received.Load()
	r.Duplicates, r.Disordered = l.res.duplicates.Load(), l.res.disordered.Load()
}
