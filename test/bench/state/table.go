package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// table gathers the measurements of all rounds.
type table struct {
	order []cell
	runs  map[cell]map[string][]measured
	syncs [][2]time.Duration
}

func newTable() *table { return &table{runs: map[cell]map[string][]measured{}} }

func (t *table) add(c cell, target string, m measured) {
	if t.runs[c] == nil {
		t.runs[c] = map[string][]measured{}
		t.order = append(t.order, c)
	}
	t.runs[c][target] = append(t.runs[c][target], m)
}

// spread is a median with its range.
type spread struct{ low, mid, high float64 }

func of(runs []measured, f func(measured) float64) spread {
	var all []float64
	for _, m := range runs {
		all = append(all, f(m))
	}
	slices.Sort(all)
	n := len(all)
	return spread{all[0], (all[(n-1)/2] + all[n/2]) / 2, all[n-1]}
}

func (t *table) print(w io.Writer, s settings) {
	fmt.Fprintf(w, "\nThree processes each, loopback, TLS and fsync on both sides, values of %d bytes, %d keys, %d rounds of %s.\n", s.size, s.keys, s.rounds, s.measure)
	for i, x := range t.syncs {
		fmt.Fprintf(w, "fsync of 512 bytes before round %d: %s (half), %s (99 of 100)\n", i+1, x[0], x[1])
	}
	fmt.Fprintf(w, "\nOperations a second, median (lowest-highest); x: of the median of etcd. CPU: seconds of all three servers a thousand operations.\n\n")
	fmt.Fprintf(w, "| cell | etcd | meshd HTTP | x | meshd WebSocket | x | CPU etcd | CPU HTTP | CPU WS | p50/p99 ms etcd | HTTP | WS |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range t.order {
		r := t.runs[c]
		rate := func(target string) spread { return of(r[target], measured.rate) }
		text := func(x spread) string { return fmt.Sprintf("%.0f (%.0f-%.0f)", x.mid, x.low, x.high) }
		cpu := func(target string) string { return fmt.Sprintf("%.2f", of(r[target], measured.cpu).mid) }
		late := func(target string) string {
			return fmt.Sprintf("%.2f/%.1f", of(r[target], func(m measured) float64 { return m.P50 }).mid, of(r[target], func(m measured) float64 { return m.P99 }).mid)
		}
		etcd, http, ws := rate("etcd"), rate("http"), rate("ws")
		fmt.Fprintf(w, "| %s | %s | %s | **%.2f** | %s | **%.2f** | %s | %s | %s | %s | %s | %s |\n", c, text(etcd), text(http), http.mid/etcd.mid, text(ws), ws.mid/etcd.mid,
			cpu("etcd"), cpu("http"), cpu("ws"), late("etcd"), late("http"), late("ws"))
	}
	fmt.Fprintf(w, "\n| bytes a write | etcd | meshd HTTP | meshd WebSocket |\n|---|---|---|---|\n")
	for _, c := range t.order {
		if c.per == 0 {
			continue
		}
		row := func(f func(measured) float64) (out string) {
			for _, target := range []string{"etcd", "http", "ws"} {
				out += fmt.Sprintf(" %.0f |", of(t.runs[c][target], f).mid)
			}
			return out
		}
		fmt.Fprintf(w, "| %s, handed to the leader's log |%s\n", c, row(func(m measured) float64 { return m.logBytes / m.opsForWriting }))
		fmt.Fprintf(w, "| %s, sent to the disk by all three |%s\n", c, row(func(m measured) float64 { return m.written / m.opsForWriting }))
	}
	fmt.Fprintln(w)
}
