package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
)

// queryReading says how to read the tables of queries.
//
//go:embed queryreading.md
var queryReading string

// queryHolds says why the figures of queries are what they are.
//
//go:embed queryholds.md
var queryHolds string

// begins says that the first line of a plan finds a variable by an index.
func begins(plan, variable string) error {
	line, _, _ := strings.Cut(plan, "\n")
	if !strings.Contains(line, "NodeByIndex ("+variable+")") {
		return fmt.Errorf("the plan does not begin at the key of %s:\n%s", variable, plan)
	}
	return nil
}

func (s *section) printQueries(w io.Writer) {
	if len(s.queries) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| query | n | p50 ms | p95 | CPU ms | expansions | ns each | structured, p50 ms (times) | CPU ms (times) |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, x := range s.queries {
		if x.fault != nil {
			fmt.Fprintf(w, "| %s | - | %s | | | %s | | | |\n", x.name, clip(x.fault), thousands(int(x.expansions)))
			continue
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %.2f | %s | %s | %s |\n", x.name, x.n, ms(x.p50), ms(x.p95), x.cpu, thousands(int(x.expansions)), x.perExpansion(), x.ratio())
	}
	for _, p := range s.plans {
		fmt.Fprintf(w, "\n`EXPLAIN %s`\n\n```\n%s\n```\n", p[0], strings.TrimSpace(p[1]))
	}
}

// printQueryGrowth puts the same queries at growing sizes side by side.
func (r *report) printQueryGrowth(w io.Writer) {
	sizes := r.sizes("grow-")
	if len(sizes) < 2 {
		return
	}
	fmt.Fprintf(w, "\n## Growth\n\np50 in ms at each size, in brackets the CPU ms and the expansions, and how many times as long the largest takes as the smallest, by p50 and by CPU.\n\n| query |")
	for _, s := range sizes {
		fmt.Fprintf(w, " %s |", strings.TrimPrefix(s.name, "grow-"))
	}
	fmt.Fprintf(w, " times |\n|---|%s---|\n", strings.Repeat("---|", len(sizes)))
	for i, x := range sizes[0].queries {
		fmt.Fprintf(w, "| %s |", x.name)
		last := x
		for _, s := range sizes {
			if i < len(s.queries) {
				last = s.queries[i]
				fmt.Fprintf(w, " %s (%.2f, %.0f) |", ms(last.p50), last.cpu, last.expansions)
			} else {
				fmt.Fprint(w, " - |")
			}
		}
		fmt.Fprintf(w, " %.2f, %.2f |\n", float64(last.p50)/float64(x.p50), last.cpu/x.cpu)
	}
}
