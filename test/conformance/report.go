package conformance

import (
	"context"
	"fmt"
	"io"
	"sort"
	"text/tabwriter"
)

// Count is how many scenarios came to each outcome.
type Count [Skipped + 1]int

// Failure is a scenario that did not pass.
type Failure struct {
	*Scenario
	Outcome Outcome
	Text    string
}

// Report is what a run came to.
type Report struct {
	Groups   map[string]*Count
	Total    Count
	Failures []Failure
}

// RunAll judges all scenarios, one after the other.
func RunAll(ctx context.Context, t Target, list []Scenario, dir string) *Report {
	r := &Report{Groups: map[string]*Count{}}
	for i := range list {
		if ctx.Err() != nil {
			break
		}
		s := &list[i]
		outcome, text := Judge(ctx, t, s, dir)
		g := r.Groups[s.Group]
		if g == nil {
			g = &Count{}
			r.Groups[s.Group] = g
		}
		g[outcome]++
		r.Total[outcome]++
		if outcome != Passed {
			r.Failures = append(r.Failures, Failure{s, outcome, text})
		}
	}
	return r
}

// Print writes the counts by group.
func (r *Report) Print(w io.Writer) error {
	names := make([]string, 0, len(r.Groups))
	for name := range r.Groups {
		names = append(names, name)
	}
	sort.Strings(names)
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "passed\tother error\trefused\twrong\tskipped\t  group")
	line := func(name string, c *Count) {
		fmt.Fprintf(t, "%d\t%d\t%d\t%d\t%d\t  %s\n", c[Passed], c[Loose], c[Refused], c[Wrong], c[Skipped], name)
	}
	for _, name := range names {
		line(name, r.Groups[name])
	}
	line("all", &r.Total)
	return t.Flush()
}

var outcomes = [...]string{"passed", "other error", "refused", "WRONG", "skipped"}

func (o Outcome) String() string { return outcomes[o] }

// PrintFailures writes what did not pass, and why.
func (r *Report) PrintFailures(w io.Writer, skipped bool) {
	for _, f := range r.Failures {
		if f.Outcome == Skipped && !skipped {
			continue
		}
		fmt.Fprintf(w, "%s: %s: %s\n  %s\n  %s\n", f.Outcome, f.File, f.Name, f.Query, f.Text)
	}
}
