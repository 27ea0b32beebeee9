package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// nodeRef names a node inside other answers.
type nodeRef struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Role    string `json:"role,omitempty"`
}

// statusBody is GET /status.
type statusBody struct {
	MeshID            string            `json:"mesh_id"`
	MeshName          string            `json:"mesh_name"`
	State             string            `json:"state"`
	Node              nodeRef           `json:"node"`
	Leader            *nodeRef          `json:"leader"`
	Term              uint64            `json:"term"`
	CommitIndex       uint64            `json:"commit_index"`
	AppliedIndex      uint64            `json:"applied_index"`
	Revision          uint64            `json:"revision"`
	StateHash         string            `json:"state_hash"`
	FailuresTolerated int               `json:"failures_tolerated"`
	Copies            int               `json:"copies"`
	LeaderTimeoutMs   int64             `json:"leader_timeout_ms"`
	CommandLevel      uint32            `json:"command_level"`
	CommandLevels     []commandLevel    `json:"command_levels"`
	Problems          []problem         `json:"problems"`
	Paths             map[string]string `json:"paths"`
	Version           string            `json:"version"`
	UptimeSeconds     int64             `json:"uptime_seconds"`
}

// commandLevel is what one node's software knows.
type commandLevel struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Level   uint32 `json:"level"`
}

type problem struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Next string `json:"next"`
}

func statusCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "status",
		Short:   "Say how the mesh is, and what is wrong with it",
		Example: "  meshd status\n  meshd status --json | jq .state",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			s := statusBody{CommandLevels: []commandLevel{}, Problems: []problem{}, Paths: map[string]string{}}
			if err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/status"}, &s); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(s, func() error { return printStatus(p, s) })
		}),
	})
}

var stateWords = map[string]struct {
	words string
	style output.Style
}{
	"ok":          {"ok", output.Green},
	"degraded":    {"degraded: it works, but something is wrong", output.Yellow},
	"no_majority": {"no majority: reads work here, writes do not", output.Red},
	"catching_up": {"catching up: this node does not know everything yet", output.Yellow},
}

func printStatus(p *output.Printer, s statusBody) error {
	state, ok := stateWords[s.State]
	if !ok {
		state.words = s.State
	}
	p.Say("%s", p.Mark(state.style, "The mesh is "+output.Clean(state.words)+"."))
	leader := "none is known"
	if s.Leader != nil {
		leader = s.Leader.Name + " at " + s.Leader.Address
		if s.Leader.ID == s.Node.ID {
			leader = "this node"
		}
	}
	mesh := s.MeshID
	if s.MeshName != "" {
		mesh = s.MeshName + " (" + s.MeshID + ")"
	}
	err := p.Card([]output.Field{
		{Name: "mesh", Value: mesh},
		{Name: "node", Value: s.Node.Name + " at " + s.Node.Address + ", " + s.Node.Role},
		{Name: "id", Value: s.Node.ID},
		{Name: "leader", Value: leader},
		{Name: "revision", Value: strconv.FormatUint(s.Revision, 10)},
		{Name: "safety", Value: safety(s.Copies, s.FailuresTolerated)},
		{Name: "elections", Value: fmt.Sprintf("after %s without a leader", time.Duration(s.LeaderTimeoutMs)*time.Millisecond)},
		{Name: "commands", Value: levelWords(s.CommandLevel, s.CommandLevels)},
		{Name: "data", Value: s.Paths["data"]},
		{Name: "version", Value: s.Version},
		{Name: "up for", Value: output.Duration(time.Duration(s.UptimeSeconds) * time.Second)},
	})
	for _, problem := range s.Problems {
		p.Say("%s %s", p.Mark(output.Yellow, "!"), output.Clean(problem.Text))
		if problem.Next != "" {
			p.Say("  %s", output.Clean(problem.Next))
		}
	}
	return err
}

// levelWords say whether an upgrade of the nodes, one by one, is over.
func levelWords(mesh uint32, nodes []commandLevel) string {
	if mesh == 0 {
		return "the node does not say which level"
	}
	level := fmt.Sprintf("level %d", mesh)
	var known []string
	least, most := uint32(math.MaxUint32), uint32(0)
	for _, n := range nodes {
		known = append(known, fmt.Sprintf("%s %d", n.Name, n.Level))
		least, most = min(least, n.Level), max(most, n.Level)
	}
	switch {
	case len(nodes) == 0:
		return level
	case least == mesh && most == mesh:
		return level + ", as every node"
	case least > mesh:
		return fmt.Sprintf("%s, about to rise: every node knows %d", level, least)
	}
	return level + " until every node knows more: " + strings.Join(known, ", ")
}

// safety is what an acknowledged write and the mesh survive.
func safety(copies, failures int) string {
	disks := fmt.Sprintf("a write is on %d disks when it is acknowledged", copies)
	if copies == 1 {
		disks = "a write is on one disk only when it is acknowledged"
	}
	switch failures {
	case 0:
		return disks + "; no node may fail"
	case 1:
		return disks + "; one node may fail"
	}
	return fmt.Sprintf("%s; %d nodes may fail", disks, failures)
}
