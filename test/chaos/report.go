package chaos

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/test/chaos/check"
	"github.com/meshd/meshd/test/chaos/fabric"
)

// Report is what a run came to.
type Report struct {
	Seed                uint64                    `json:"seed"`
	Scenario            string                    `json:"scenario"`
	Duration            time.Duration             `json:"duration"`
	Nodes               int                       `json:"nodes"`
	Only                []string                  `json:"only,omitempty"` // the faults asked for by name
	Dir                 string                    `json:"dir"`
	Operations          map[string]map[string]int `json:"operations"` // by kind and outcome
	Codes               map[string]int            `json:"codes"`      // of what was not acknowledged
	Faults              map[string]int            `json:"faults"`
	Packets             fabric.Counts             `json:"packets"`
	Registers           int                       `json:"registers"`
	Verdicts            check.Verdicts            `json:"verdicts"`
	LongestWithoutWrite time.Duration             `json:"longest_without_write"`
	LongestLeaderless   time.Duration             `json:"longest_leaderless"` // no node that answered named a leader
	LongestRecovery     time.Duration             `json:"longest_recovery"`   // from the end of a fault to the next acknowledged write
	Recoveries          int                       `json:"recoveries"`
	Compared            int                       `json:"compared"` // nodes whose whole content was compared
	ByProblem           map[string]int            `json:"by_problem"`
	Problems            []check.Problem           `json:"problems,omitempty"`
}

// Failed says whether a promise was broken.
func (p *Report) Failed() bool { return len(p.Problems) > 0 }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// String is the report for people.
func (p *Report) String() string {
	var b strings.Builder
	total := map[string]int{}
	fmt.Fprintf(&b, "chaos: seed %d, scenario %s, %s, %d members at the start\n", p.Seed, p.Scenario, p.Duration, p.Nodes)
	fmt.Fprintf(&b, "  %-12s %9s %9s %9s\n", "operations", "ok", "unknown", "refused")
	for _, k := range sorted(p.Operations) {
		o := p.Operations[k]
		fmt.Fprintf(&b, "  %-12s %9d %9d %9d\n", k, o["ok"], o["unknown"], o["refused"])
		for out, n := range o {
			total[out] += n
		}
	}
	fmt.Fprintf(&b, "  %-12s %9d %9d %9d\n", "all", total["ok"], total["unknown"], total["refused"])
	fmt.Fprintf(&b, "  not acknowledged: %s\n", join(p.Codes))
	fmt.Fprintf(&b, "  faults: %s\n", join(p.Faults))
	fmt.Fprintf(&b, "  packets: %d passed, %d cut, %d lost, %d delayed\n", p.Packets.Passed, p.Packets.Cut, p.Packets.Lost, p.Packets.Delayed)
	fmt.Fprintf(&b, "  registers: %d, linearizable %d, illegal %d, undecided %d; whole content compared at %d nodes\n", p.Registers, p.Verdicts.Linearizable, p.Verdicts.Illegal, p.Verdicts.Undecided, p.Compared)
	fmt.Fprintf(&b, "  longest without a leader %s, without an acknowledged write %s; from the end of a fault to the next one at most %s (%d times)\n",
		p.LongestLeaderless.Round(10*time.Millisecond), p.LongestWithoutWrite.Round(10*time.Millisecond), p.LongestRecovery.Round(10*time.Millisecond), p.Recoveries)
	fmt.Fprintf(&b, "  lost %d, duplicated %d, stale %d, not linearizable %d, other %s\n", p.ByProblem["lost"], p.ByProblem["duplicated"], p.ByProblem["stale"], p.ByProblem["nonlinear"], other(p.ByProblem))
	if p.Failed() {
		fmt.Fprintf(&b, "  FAILED; history and logs in %s; again: %s\n", p.Dir, p.command())
		for i, q := range p.Problems {
			if i == 20 {
				fmt.Fprintf(&b, "    and %d more\n", len(p.Problems)-i)
				break
			}
			fmt.Fprintf(&b, "    %s: %s\n", q.Kind, q.Text)
		}
	}
	return b.String()
}

// command repeats the run.
func (p *Report) command() string {
	line := fmt.Sprintf("make chaos SEED=%d DURATION=%s SCENARIO=%s NODES=%d", p.Seed, p.Duration, p.Scenario, p.Nodes)
	if len(p.Only) > 0 {
		line += " FAULTS=" + strings.Join(p.Only, ",")
	}
	return line
}

func other(m map[string]int) string {
	rest := maps.Clone(m)
	for _, k := range []string{"lost", "duplicated", "stale", "nonlinear"} {
		delete(rest, k)
	}
	if len(rest) == 0 {
		return "0"
	}
	return join(rest)
}

// write keeps the report beside the logs, for people and for programs.
func (p *Report) write(path string) {
	_ = os.WriteFile(path, []byte(p.String()), 0o600)
	if raw, err := json.MarshalIndent(p, "", " "); err == nil {
		_ = os.WriteFile(strings.TrimSuffix(path, ".txt")+".json", raw, 0o600)
	}
}

func join(m map[string]int) string {
	var parts []string
	for _, k := range sorted(m) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(parts, ", ")
}
