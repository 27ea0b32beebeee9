package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"
	"time"
)

// reading says how to read the tables.
//
//go:embed reading.md
var reading string

// holds says why the figures are what they are.
//
//go:embed holds.md
var holds string

// Aims that are no operation's.
const (
	importOneAim   = 40_000 // records a second
	importThreeAim = 15_000
	caughtUpAim    = 60 * time.Second
	memoryAim      = 300_000_000 // bytes
	ratioAim       = 200
)

// The cells by which the aims of operations are judged.
const (
	aimed       = "size-100k"
	aimedBeside = "beside-100k"
)

// printAims says what was to be reached, and what was.
func (r *report) printAims(w io.Writer) {
	var lines []string
	said := func(what, aim, got, word string) {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s | %s |", what, aim, got, word))
	}
	add := func(what, aim, got string, reached bool) {
		if reached {
			said(what, aim, got, "reached")
		} else {
			said(what, aim, got, "**not reached**")
		}
	}
	for _, s := range r.sections {
		switch s.name {
		case "wordnet-1", "wordnet-3":
			aim := importOneAim
			if s.name == "wordnet-3" {
				aim = importThreeAim
			}
			add("import, "+s.title, thousands(aim)+" records/s", thousands(int(s.loaded)), s.loaded >= float64(aim))
			add("search caught up, "+s.title, "60 s", seconds(s.caughtUp), s.loaded > 0 && s.caughtUp <= caughtUpAim)
		case aimed:
			for _, x := range s.rows {
				switch {
				case x.target > 0 && x.n == 0:
					add(x.name+", p50", ms(x.target)+" ms", "not measured", false)
				case x.target > 0:
					add(x.name+", p50", ms(x.target)+" ms", ms(x.p50)+" ms", x.p50 <= x.target)
				}
			}
			kept := racers
			for _, n := range s.raced {
				kept = min(kept, n)
			}
			add("concurrent creates kept", "50 of 50", fmt.Sprintf("%d of %d", kept, racers), len(s.raced) > 0 && kept == racers)
			add("anonymous memory of a node", "300 MB", mb(s.anonymous<<10)+" MB", s.anonymous > 0 && s.anonymous<<10 <= memoryAim)
		case aimedBeside:
			for _, x := range s.rivals {
				if x.theirs.n == 0 && x.own.n > 0 {
					add("beside the reference server: "+x.name, "200x", ms(x.own.p50)+" ms, where the reference server does not answer", true)
					continue
				}
				what, got := "beside the reference server: "+x.name, x.timesText(x.own)+", with the same client "+x.timesText(x.stdio)
				if x.times(x.own) >= ratioAim && x.times(x.stdio) < ratioAim {
					said(what, "200x", got, "reached by the server, **not through that client**")
				} else {
					add(what, "200x", got, x.times(x.own) >= ratioAim)
				}
			}
		}
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n## Reached, and not\n\n| what | aim | measured | |\n|---|---|---|---|\n%s\n", strings.Join(lines, "\n"))
	}
}

// sizes are the cells that do the same at growing sizes.
func (r *report) sizes(prefix string) (sizes []*section) {
	for _, s := range r.sections {
		if strings.HasPrefix(s.name, prefix) && len(s.rows) > 0 {
			sizes = append(sizes, s)
		}
	}
	return sizes
}

// printGrowth puts the same operations at growing sizes side by side.
func (r *report) printGrowth(w io.Writer) {
	sizes := r.sizes("size-")
	if len(sizes) < 2 {
		return
	}
	fmt.Fprintf(w, "\n## Growth\n\np50 in ms at each size, and in brackets the bytes of an answer.\n\n| operation |")
	for _, s := range sizes {
		fmt.Fprintf(w, " %s |", strings.TrimPrefix(s.name, "size-"))
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(sizes)))
	for _, x := range sizes[0].rows {
		fmt.Fprintf(w, "| %s |", x.name)
		for _, s := range sizes {
			cell := " - |"
			for _, y := range s.rows {
				if y.name == x.name && y.fault == nil {
					cell = fmt.Sprintf(" %s (%.0f) |", ms(y.p50), y.bytes)
				}
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
}
