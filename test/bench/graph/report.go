package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// report is what is printed at the end.
type report struct {
	s        settings
	sections []*section
	began    time.Time
	load     string
	syncs    [2]time.Duration
}

// section is what one cell came to.
type section struct {
	name, title string
	notes       []string
	rows        []row
	rivals      []rival
	queries     []queryRow
	plans       [][2]string // queries and how they are answered
	floors      []string
	err         error

	loaded    float64 // records a second
	caughtUp  time.Duration
	anonymous int64 // KiB, of the node that has most
	raced     []int // creates kept, as each node tells
}

func newReport(s settings) *report {
	r := &report{s: s, began: time.Now(), load: proc.Load()}
	r.syncs, _ = proc.SyncTimes(s.dir)
	return r
}

func (r *report) section(name, title string) *section {
	s := &section{name: name, title: title}
	r.sections = append(r.sections, s)
	return s
}

func (s *section) say(format string, args ...any) {
	s.notes = append(s.notes, fmt.Sprintf(format, args...))
}

// fault is why the run is not whole.
func (r *report) fault() (err error) {
	for _, s := range r.sections {
		if s.err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", s.name, s.err))
		}
		for _, x := range s.rows {
			if x.fault != nil {
				err = errors.Join(err, fmt.Errorf("%s: %s: %w", s.name, x.name, x.fault))
			}
		}
	}
	return err
}

func (r *report) print(w io.Writer) {
	title, how, why := "The knowledge graph, and the reference memory server beside it", reading, holds
	if r.s.asking {
		title, how, why = "Queries", queryReading, queryHolds
	}
	fmt.Fprintf(w, "# %s\n\n%s\n", title, how)
	fmt.Fprintf(w, "Measured from %s, for %s: %s; %s; fsync of 512 bytes %s (99 of 100: %s); load of the machine %s before, %s after, the benchmark's own work included.%s\n",
		r.began.Format("2006-01-02 15:04"), time.Since(r.began).Round(time.Second), version(r.s.bin, "version"), processors(), r.syncs[0], r.syncs[1], r.load, proc.Load(), r.caution())
	r.printAims(w)
	for _, s := range r.sections {
		fmt.Fprintf(w, "\n## %s\n\n", s.title)
		for _, n := range s.notes {
			fmt.Fprintf(w, "- %s.\n", n)
		}
		if s.err != nil {
			fmt.Fprintf(w, "- Not measured to its end: %s.\n", clip(s.err))
		}
		if len(s.queries) == 0 {
			s.printRows(w)
		}
		s.printRivals(w)
		s.printQueries(w)
	}
	r.printGrowth(w)
	r.printQueryGrowth(w)
	fmt.Fprintf(w, "\n%s", why)
}

func (r *report) caution() string {
	if r.s.small {
		return " **A smoke: sizes and times are too small to judge by.**"
	}
	return ""
}

func (s *section) printRows(w io.Writer) {
	if len(s.rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n| operation | n | p50 ms | p95 | p99 | CPU s/1,000 | answer, bytes |\n|---|---|---|---|---|---|---|\n")
	for _, x := range s.rows {
		if x.fault != nil {
			fmt.Fprintf(w, "| %s | - | %s | | | | |\n", x.name, clip(x.fault))
			continue
		}
		fmt.Fprintf(w, "| %s | %d | %s | %s | %s | %.2f | %.0f |\n", x.name, x.n, ms(x.p50), ms(x.p95), ms(x.p99), x.cpu, x.bytes)
	}
}

func clip(err error) string {
	text := strings.ReplaceAll(err.Error(), "|", " ")
	if len(text) > 160 {
		text = text[:160] + "…"
	}
	return text
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond)) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func mb(bytes int64) string { return strconv.FormatInt(bytes/1e6, 10) }

// thousands groups digits.
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func processors() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	n, model := 0, ""
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			n++
			model = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
		}
	}
	return fmt.Sprintf("%d processors (%s)", n, model)
}

// version is what a program says of itself, on one line.
func version(bin string, args ...string) string {
	out, err := exec.Command(bin, args...).Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || line == "" {
		return "unknown version"
	}
	return strings.Join(strings.Fields(line), " ")
}
