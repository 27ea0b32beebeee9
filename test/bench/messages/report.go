package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report gathers the measurements of all rounds.
type report struct {
	settings
	order []cell
	runs  map[string][]measured // by cell and way
	fails map[string]string     // why a cell was not measured
	syncs [][2]time.Duration
}

func newReport(s settings) *report {
	return &report{settings: s, runs: map[string][]measured{}, fails: map[string]string{}}
}

func key(c cell, w way) string { return c.name + "|" + w.name }

func (r *report) add(c cell, w way, m measured, err error) {
	if !slices.ContainsFunc(r.order, func(have cell) bool { return have.name == c.name }) {
		r.order = append(r.order, c)
	}
	if err != nil {
		r.fails[key(c, w)] = err.Error()
		return
	}
	r.runs[key(c, w)] = append(r.runs[key(c, w)], m)
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

func (s spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+"-"+format+")", s.mid, s.low, s.high)
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "\nThree processes each, loopback, clients by WebSocket with TLS, mutual TLS between servers, bodies of %d bytes, %d rounds of %s. NATS' streams: R3, `sync_interval: always`, %s.\n", r.size, r.rounds, r.settings.measure, r.retention)
	for i, x := range r.syncs {
		fmt.Fprintf(w, "fsync of 512 bytes before round %d: %s (half), %s (99 of 100)\n", i+1, x[0], x[1])
	}
	fmt.Fprint(w, "\nA second, median (lowest-highest); x: of the median of NATS' first row. CPU: microseconds each, of all three servers, and of the load generator.\n\n")
	fmt.Fprint(w, "| cell | | a second | x | p50 ms | x | p99 ms | CPU servers | CPU clients | lost | had a second |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range r.order {
		if c.ways[0].op != "idle" {
			r.rows(w, c)
		}
	}
	for _, c := range r.order {
		if c.ways[0].op != "idle" {
			continue
		}
		fmt.Fprintf(w, "\n| idle connections at one node | KiB each (RssAnon) | made a second |\n|---|---|---|\n")
		for _, way := range c.ways {
			if runs := r.runs[key(c, way)]; len(runs) > 0 {
				fmt.Fprintf(w, "| %s, %d | %s | %.0f |\n", way.name, runs[0].Ops, of(runs, func(m measured) float64 { return float64(m.anonymous) / 1024 }).text("%.1f"), of(runs, measured.rate).mid)
			} else if why, ok := r.fails[key(c, way)]; ok {
				fmt.Fprintf(w, "| %s | not measured: %s | |\n", way.name, why)
			}
		}
	}
	fmt.Fprintln(w)
}

func (r *report) rows(w io.Writer, c cell) {
	base := r.runs[key(c, c.ways[0])]
	for _, way := range c.ways {
		runs := r.runs[key(c, way)]
		if len(runs) == 0 {
			if why, ok := r.fails[key(c, way)]; ok {
				fmt.Fprintf(w, "| %s, %s | %s | not measured: %s | | | | | | | | |\n", c.name, c.what, way.name, strings.ReplaceAll(why, "\n", " "))
			}
			continue
		}
		times := func(f func(measured) float64) string {
			if way.target == "nats" || len(base) == 0 || of(base, f).mid == 0 {
				return ""
			}
			return fmt.Sprintf("**%.2f**", of(runs, f).mid/of(base, f).mid)
		}
		p50, p99 := of(runs, func(m measured) float64 { return m.P50 }), of(runs, func(m measured) float64 { return m.P99 })
		half, late := p50.text("%.3f"), p99.text("%.2f")
		if p50.high == 0 {
			half, late = "", ""
		}
		lost, had := "", ""
		if runs[0].Sent > 0 {
			lost = fmt.Sprintf("%.1f%%", 100*of(runs, measured.lost).high)
			had = fmt.Sprintf("%.0f", of(runs, measured.consumed).mid)
			if twice := of(runs, func(m measured) float64 { return float64(m.Duplicates) }).high; twice > 0 {
				lost += fmt.Sprintf(", %.0f twice", twice)
			}
			if out := of(runs, func(m measured) float64 { return float64(m.Disordered) }).high; out > 0 {
				lost += fmt.Sprintf(", %.0f out of order", out)
			}
		}
		if failed := of(runs, func(m measured) float64 { return float64(m.Errors) }).high; failed > 0 {
			lost += fmt.Sprintf(", %.0f refused or failed", failed)
		}
		fmt.Fprintf(w, "| %s, %s | %s | %s | %s | %s | %s | %s | %.1f | %.1f | %s | %s |\n", c.name, c.what, way.name, of(runs, measured.rate).text("%.0f"), times(measured.rate),
			half, times(func(m measured) float64 { return m.P50 }), late, of(runs, measured.cpu).mid, of(runs, measured.loadCPU).mid, strings.TrimPrefix(lost, ", "), had)
	}
}
