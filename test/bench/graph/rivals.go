package main

import (
	"fmt"
	"io"
)

// ratio is how many times as long the reference server takes, with the same
// client; 0 where one of both did not answer.
func (x *rival) ratio() float64 {
	if x.ours.n == 0 || x.theirs.n == 0 || x.ours.fault != nil || x.theirs.fault != nil {
		return 0
	}
	return float64(x.theirs.p50) / float64(x.ours.p50)
}

func (x *rival) ratioText() string {
	switch {
	case x.ratio() > 0:
		return fmt.Sprintf("%.0fx", x.ratio())
	case x.ours.fault != nil:
		return clip(x.ours.fault)
	}
	return "the reference server does not answer"
}

func (s *section) printRivals(w io.Writer) {
	if len(s.rivals) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| tool, p50 (p95) in ms | reference server | meshd | times faster | meshd, Go client | times faster | CPU s/1,000 |\n|---|---|---|---|---|---|---|\n")
	for _, x := range s.rivals {
		own, cpu := "-", "-"
		if x.own.n > 0 && x.own.fault == nil {
			cpu = fmt.Sprintf("%.2f", x.own.cpu)
			if x.theirs.n > 0 {
				own = fmt.Sprintf("%.0fx", float64(x.theirs.p50)/float64(x.own.p50))
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s | **%s** | %s | %s | %s |\n", x.name, x.theirs.text(), x.ours.text(), x.ratioText(), x.own.text(), own, cpu)
	}
	fmt.Fprintln(w)
	for _, f := range s.floors {
		fmt.Fprintf(w, "- %s.\n", f)
	}
}

func (r *row) text() string {
	if r.fault != nil {
		return clip(r.fault)
	}
	return fmt.Sprintf("%s (%s)", ms(r.p50), ms(r.p95))
}
