package node

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
)

// Ref names a node in a few fields.
type Ref struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Role    string `json:"role,omitempty" enum:"voter,nonvoter,edge"`
}

// Problem is something that a person should know of, and what to do about it.
type Problem struct {
	Code string `json:"code"`
	Text string `json:"text"`
	Next string `json:"next"`
}

// The problems that a mesh in order may have.
const (
	codeNoSpare  = "NO_SPARE"
	codeLeaving  = "LEAVING"
	codeRemoving = "REMOVING"
)

// States of a mesh as one node sees it.
const (
	StateOK         = "ok"
	StateDegraded   = "degraded"
	StateNoMajority = "no_majority"
	StateCatchingUp = "catching_up"
)

// Status is how the mesh stands, seen from one node.
type Status struct {
	MeshID   string `json:"mesh_id"`
	MeshName string `json:"mesh_name"`
	State    string `json:"state" enum:"ok,degraded,no_majority,catching_up"`
	Node     Ref    `json:"node"`
	// Leader is null while none is known.
	Leader       *Ref   `json:"leader"`
	Term         uint64 `json:"term"`
	CommitIndex  uint64 `json:"commit_index"`
	AppliedIndex uint64 `json:"applied_index"`
	Revision     uint64 `json:"revision"`
	StateHash    string `json:"state_hash" doc:"rolling hash of everything applied, equal on all nodes at one revision"`
	// FailuresTolerated is how many voters may fail with writes going on,
	// Copies on how many disks an acknowledged write is at least.
	FailuresTolerated int   `json:"failures_tolerated"`
	Copies            int   `json:"copies"`
	LeaderTimeoutMs   int64 `json:"leader_timeout_ms" doc:"how long a leader is silent before another node stands for election"`
	// CommandLevel is that of the mesh, CommandLevels what its nodes know: a
	// rolling upgrade is over when all of them are the same.
	CommandLevel  uint32         `json:"command_level" doc:"the commands that the mesh uses: it rises when every node knows more, and never falls"`
	CommandLevels []CommandLevel `json:"command_levels" nullable:"false" doc:"what each node knows, as it said last, by name"`
	Problems      []Problem      `json:"problems"`
	// Paths are the directories and files the node uses.
	Paths         map[string]string `json:"paths"`
	Version       string            `json:"version"`
	UptimeSeconds int64             `json:"uptime_seconds"`
}

// CommandLevel is the highest command level that a node's software executes.
type CommandLevel struct {
	ID      string `json:"id" doc:"of the node"`
	Name    string `json:"name" doc:"of the node"`
	Version string `json:"version" doc:"of its software"`
	Level   uint32 `json:"level" doc:"the highest that its software executes"`
}

// commandLevels are those of the members, by name.
func commandLevels(r *roster.Roster) []CommandLevel {
	out := make([]CommandLevel, 0, len(r.Members))
	for _, m := range r.Members {
		out = append(out, CommandLevel{ID: string(m.ID), Name: m.Name, Version: m.Version, Level: max(m.Level, 1)})
	}
	slices.SortFunc(out, func(a, b CommandLevel) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Status says how the mesh stands as this node sees it. It answers at once.
func (n *Node) Status() Status {
	r := n.trust.Roster()
	st := n.group.Status()
	s := Status{
		MeshID: r.MeshID, MeshName: n.MeshName(), Term: st.Term, CommitIndex: st.CommitIndex, AppliedIndex: st.AppliedIndex,
		Revision: st.Revision, StateHash: st.Hash, Problems: []Problem{}, Version: n.cfg.Version,
		LeaderTimeoutMs: st.LeaderTimeout.Milliseconds(), UptimeSeconds: int64(time.Since(n.started).Seconds()),
		CommandLevel: st.Level, CommandLevels: commandLevels(r),
		Paths: map[string]string{"data": n.cfg.Data, "raft": n.raftPath()},
	}
	alive := map[string]bool{}
	for _, m := range n.gossip.Members() {
		alive[m.NodeID] = m.Status == "alive"
	}
	var failed []string
	votersAlive := 0
	for _, m := range r.Members {
		line := n.member(m, st.Voters, st.LeaderID)
		ref := Ref{ID: line.ID, Name: line.Name, Address: line.Address, Role: line.Role}
		up := alive[line.ID] || m.ID == n.id.ID()
		if m.ID == n.id.ID() {
			s.Node = ref
		}
		if line.Leader {
			s.Leader = &ref
		}
		if !up {
			failed = append(failed, line.Name)
		}
		if line.Role == "voter" && up {
			votersAlive++
		}
	}
	voters := max(1, len(st.Voters))
	majority := voters/2 + 1
	s.Copies = majority
	s.FailuresTolerated = max(0, votersAlive-majority)
	s.State, s.Problems = judge(st, s, failed, n.group.caughtUp(), votersAlive, majority, len(r.Members))
	s.Problems = append(s.Problems, departures(r)...)
	if n.isDisowned() {
		s.Problems = slices.Insert(s.Problems, 0, disowned(n.cfg.Data)) // what else it says comes of this
	}
	return s
}

// departures are the members that are on their way out. One that does not go
// in time was cut off in it.
func departures(r *roster.Roster) (found []Problem) {
	for _, m := range r.Members {
		switch {
		case m.Removing:
			found = append(found, Problem{Code: codeRemoving, Text: m.Name + " is being removed", Next: "the leader removes it as soon as it has no seat, and takes that back if nobody can take the seat over"})
		case m.Leaving:
			found = append(found, Problem{Code: codeLeaving, Text: m.Name + " is leaving", Next: "if it does not go, start it again: it stays; `meshd remove " + m.Name + "` if it is gone for ever"})
		}
	}
	return found
}

// judge puts into words what the figures mean.
func judge(st consensus.Status, s Status, failed []string, caughtUp bool, votersAlive, majority, members int) (string, []Problem) {
	state, problems := StateOK, []Problem{}
	add := func(to, code, text, next string) {
		problems = append(problems, Problem{Code: code, Text: text, Next: next})
		if to != "" {
			state = to
		}
	}
	if len(failed) > 0 {
		slices.Sort(failed)
		add(StateDegraded, "NODES_FAILED", strings.Join(failed, ", ")+" cannot be seen", "start it again, or `meshd remove` a node that is gone for ever")
	}
	if st.Full {
		add("", "DISK_FULL", "the disk of this node is almost full: it takes no writes as leader", "make room: it goes on by itself")
	}
	if s.FailuresTolerated == 0 && members > 1 {
		text := fmt.Sprintf("each acknowledged write is on %d disks and no further node may fail", s.Copies)
		if s.Copies == 1 {
			text = "each acknowledged write is on one disk only, and writes stop when its node stops"
		}
		next := "bring the failed nodes back"
		if members < 3 {
			next = "a third node makes three voters: `meshd token create`, then `meshd join` on another machine"
		}
		add("", codeNoSpare, text, next)
	}
	if s.Leader != nil && (!caughtUp || st.CommitIndex > st.AppliedIndex+1000) {
		add(StateCatchingUp, "CATCHING_UP", "this node is behind the mesh", "wait; `meshd status` shows the revision rise")
	}
	switch {
	case s.Leader == nil && votersAlive < majority:
		add(StateNoMajority, "NO_MAJORITY", fmt.Sprintf("%d of the voters can be seen and %d are needed: reads go on, writes wait", votersAlive, majority),
			"bring voters back; if they are lost for ever, `meshd recover` on one survivor")
	case s.Leader == nil:
		add(StateNoMajority, "NO_LEADER", "no leader is known: an election is under way, or the leader cannot reach this node", "wait some seconds; then `meshd doctor`")
	}
	if n := len(st.OtherTimeouts); n > 0 {
		add("", "TIMEOUTS_DIFFER", fmt.Sprintf("%d of the other nodes have another leader_timeout than this one, which leads", n), "set leader_timeout to the same everywhere, and restart the nodes one by one")
	}
	if st.Fault != "" {
		add(StateDegraded, "STATE_FAULT", st.Fault, "the node opens its state again by itself as soon as it can; where that needs a hand, this says which")
	}
	return state, problems
}

// Ready says whether the node serves local reads: nil, or what it waits for.
func (n *Node) Ready() error {
	if n.group == nil {
		return consensus.ErrClosed
	}
	if st := n.group.Status(); st.Fault != "" {
		return fmt.Errorf("%w: %s", consensus.ErrStateFault, st.Fault)
	} else if known := max(n.trust.Revision(), n.group.known()); st.Revision < known {
		return fmt.Errorf("%w: the state is being rebuilt and has revision %d of %d at least", consensus.ErrBehind, st.Revision, known)
	}
	return nil
}
