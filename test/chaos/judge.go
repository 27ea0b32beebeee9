//go:build linux

package chaos

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
)

// searchTime bounds the search for the order of one register's history.
const searchTime = 30 * time.Second

// judge takes the last looks and applies every check.
func (r *runner) judge() *Report {
	r.settled(context.Background())
	r.last()
	var listings []check.Listing
	var inboxes []check.Inbox
	var tasks []check.TaskList
	c := r.newClient(603)
	for _, n := range r.members() {
		listings = append(listings, c.listing(n))
		inboxes = append(inboxes, c.inboxes(n)...)
		tasks = append(tasks, c.tasks(n))
	}
	c.close()
	r.settled(context.Background())
	history, initial := r.snapshot()
	r.event("judging %d operations on %d registers", len(history), len(initial))
	verdicts, problems := check.Registers(history, initial, searchTime)
	problems = append(problems, check.StaleReads(history)...)
	problems = append(problems, check.Revisions(history, initial)...)
	problems = append(problems, check.Backwards(history)...)
	problems = append(problems, check.Elements(history, listings)...)
	problems = append(problems, check.Batches(history, listings)...)
	problems = append(problems, check.Replays(history)...)
	problems = append(problems, check.Sightings(history)...)
	problems = append(problems, check.Inboxes(history, inboxes)...)
	problems = append(problems, check.Tasks(history, tasks)...)
	for _, p := range problems {
		r.broken(p)
	}
	r.shut() // the logs are whole from here on
	r.logs()
	return r.report(history, initial, verdicts, problems, len(listings))
}

// crash is what a process prints when it ends in a way that no input may cause.
var crash = regexp.MustCompile(`^(panic:|fatal error:|SIGSEGV|unexpected fault)|"level":"ERROR"`)

// logs looks through what the nodes printed for crashes and errors.
func (r *runner) logs() {
	paths, _ := filepath.Glob(filepath.Join(r.dir, "n*.log"))
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 4<<20)
		seen := map[string]bool{}
		for lines.Scan() {
			if m := crash.FindString(lines.Text()); m != "" && !seen[m] {
				seen[m] = true
				text := lines.Text()
				if m == `"level":"ERROR"` {
					r.event("error in %s: %s", filepath.Base(path), clip(text, 400))
					r.mu.Lock()
					r.faults["(error lines in logs, first of each node)"]++
					r.mu.Unlock()
					continue
				}
				r.problem("crash", "%s: %s", filepath.Base(path), clip(text, 300))
			}
		}
		f.Close()
	}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// report sums up. all are the problems that the histories show; those that
// were met on the way are in r.problems as well.
func (r *runner) report(history []check.Op, initial map[string]string, v check.Verdicts, all []check.Problem, listings int) *Report {
	rep := &Report{
		Seed: r.cfg.Seed, Scenario: r.cfg.Scenario, Duration: r.cfg.Duration, Nodes: r.cfg.Nodes, Only: r.cfg.Faults, Dir: r.dir,
		Operations: map[string]map[string]int{}, Codes: map[string]int{}, Faults: r.faults, Packets: r.fabric.Counts(),
		Registers: len(initial), Verdicts: v, LongestWithoutWrite: r.longestGap, LongestLeaderless: r.leaderless, Compared: listings, ByProblem: map[string]int{},
	}
	for _, op := range history {
		k := rep.Operations[string(op.Kind)]
		if k == nil {
			k = map[string]int{}
			rep.Operations[string(op.Kind)] = k
		}
		k[string(op.Outcome)]++
		if op.Code != "" && op.Outcome != check.OK {
			rep.Codes[op.Code]++
		}
	}
	for _, d := range r.recovery {
		rep.Recoveries++
		rep.LongestRecovery = max(rep.LongestRecovery, d)
	}
	found := map[string]bool{}
	for _, p := range all {
		rep.ByProblem[p.Kind]++
		found[p.Kind+p.Text] = true
	}
	for _, p := range r.problems {
		if !found[p.Kind+p.Text] {
			rep.ByProblem[p.Kind]++
		}
	}
	rep.Problems = r.problems
	if len(rep.Problems) == 0 {
		rep.clean(r.dir)
	}
	return rep
}

// clean deletes what is of no use after a run that kept every promise.
func (*Report) clean(dir string) {
	for _, pattern := range []string{"history.jsonl", "n*"} {
		paths, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, p := range paths {
			_ = os.RemoveAll(p)
		}
	}
}
