package main

import (
	"fmt"
	"io"
)

// times is how many times as long the reference server takes; 0 where one of
// both did not answer.
func (x *rival) times(ours row) float64 {
	if ours.n == 0 || x.theirs.n == 0 || ours.fault != nil || x.theirs.fault != nil {
		return 0
	}
	return float64(x.theirs.p50) / float64(ours.p50)
}

func (x *rival) timesText(ours row) string {
	switch {
	case x.times(ours) > 0:
		return fmt.Sprintf("%.0fx", x.times(ours))
	case ours.fault != nil || ours.n == 0:
		return "meshd does not answer"
	}
	return "the reference server does not answer"
}

func (s *section) printRivals(w io.Writer) {
	if len(s.rivals) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| tool, p50 (p95) in ms | reference server | meshd mcp | times faster | /mcp | times faster | /mcp, Go client | times faster | CPU s/1,000 |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, x := range s.rivals {
		fmt.Fprintf(w, "| %s | %s |", x.name, x.theirs.text())
		for _, ours := range []row{x.stdio, x.https, x.own} {
			fmt.Fprintf(w, " %s | **%s** |", ours.text(), x.timesText(ours))
		}
		fmt.Fprintf(w, " %.2f |\n", x.own.cpu)
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
