package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// topView is what is to be drawn: a sample, and the one before it, which may be
// missing, for the rates.
type topView struct {
	now, before   *topBody
	at            time.Time
	trouble       string
	keys          bool
	width, height int // 0: as much as there is
}

// topKeep is how many lines of a list are shown where the screen is small, and
// everywhere else.
const (
	topKeep = 3
	topAll  = 20
)

func drawTop(p *output.Printer, v topView) error {
	if err := v.head(p); err != nil {
		return err
	}
	lists := []struct {
		header []string
		rows   [][]string
	}{
		{[]string{"NODE", "STATE", "ROLE", "REVISION", "BEHIND", "LOAD", "CLIENTS", "AGENTS", "SENT/S", "FAILED/S", "RECEIVED/S", "UP"}, v.nodes()},
		{[]string{"LINK", "RTT", "CLOCK"}, v.links()},
		{[]string{"AGENT", "NODE", "INSTANCES", "RECEIVED/S", "SENT/S", "RECEIVED", "SENT"}, v.agents()},
		{[]string{"INBOX", "WAITING", "BYTES", "OLDEST", "DEAD"}, v.inboxes()},
	}
	left := v.height - 4
	for i, l := range lists {
		if len(l.rows) == 0 {
			continue
		}
		if i > 0 {
			keep := topAll
			if v.height > 0 {
				// Each list behind this one may want a few lines of its own.
				keep = max(topKeep, left-(len(lists)-1-i)*(topKeep+2)-2)
			}
			if more := len(l.rows) - keep; more > 0 {
				l.rows = append(l.rows[:keep:keep], []string{fmt.Sprintf("… and %d more", more)})
			}
		}
		left -= len(l.rows) + 2
		if _, err := fmt.Fprintln(p.Out); err != nil {
			return err
		}
		if err := p.Table("", l.header, v.clip(l.rows)); err != nil {
			return err
		}
	}
	return nil
}

// clip keeps names from taking more than a third of the width.
func (v topView) clip(rows [][]string) [][]string {
	if v.width == 0 {
		return rows
	}
	for _, row := range rows {
		if r := []rune(row[0]); len(r) > max(12, v.width/3) {
			row[0] = string(r[:max(12, v.width/3)-1]) + "…"
		}
	}
	return rows
}

func (v topView) head(p *output.Printer) error {
	s := v.now.Status
	state, ok := stateWords[s.State]
	if !ok {
		state.words = s.State
	}
	leader := "no leader"
	if s.Leader != nil {
		leader = "led by " + s.Leader.Name
	}
	words := []string{s.MeshName, p.Mark(state.style, state.words), leader, "revision " + strconv.FormatUint(s.Revision, 10), "seen from " + s.Node.Name, v.at.Format("15:04:05")}
	if v.keys {
		words = append(words, "q ends")
	}
	if _, err := fmt.Fprintln(p.Out, strings.Join(words, " · ")); err != nil {
		return err
	}
	if v.trouble != "" {
		if _, err := fmt.Fprintln(p.Out, p.Mark(output.Red, output.Clean(v.trouble))); err != nil {
			return err
		}
	}
	for _, problem := range s.Problems {
		if _, err := fmt.Fprintln(p.Out, p.Mark(output.Yellow, output.Clean(problem.Text))); err != nil {
			return err
		}
	}
	return nil
}

// earlier finds what a node said in the sample before, if it has not begun anew
// since, and the seconds between.
func (v topView) earlier(n topNode) (was topNode, seconds float64) {
	if v.before == nil || !n.Answered {
		return was, 0
	}
	for _, b := range v.before.Nodes {
		if b.ID == n.ID && b.Answered && b.UptimeMs < n.UptimeMs {
			return b, float64(n.UptimeMs-b.UptimeMs) / 1000
		}
	}
	return was, 0
}

// rate is empty where it is not known.
func rate(now, was uint64, seconds float64) string {
	if seconds <= 0 || now < was {
		return ""
	}
	return fmt.Sprintf("%.0f", float64(now-was)/seconds)
}

func (v topView) nodes() (rows [][]string) {
	for _, n := range v.now.Nodes {
		role := n.Role
		if n.Leader {
			role += ", leader"
		}
		if !n.Answered {
			state := n.Status
			if state == "alive" {
				state = "silent"
			}
			rows = append(rows, []string{n.Name, state, role})
			continue
		}
		was, seconds := v.earlier(n)
		rows = append(rows, []string{
			n.Name, n.Status, role, strconv.FormatUint(n.Revision, 10), strconv.FormatUint(n.Lag, 10), fmt.Sprintf("%.1f", n.Load),
			strconv.Itoa(n.Connections), strconv.Itoa(n.Agents),
			rate(n.Messages.Delivered, was.Messages.Delivered, seconds),
			rate(n.Messages.Refused+n.Messages.Unknown, was.Messages.Refused+was.Messages.Unknown, seconds),
			rate(n.Messages.Received, was.Messages.Received, seconds),
			output.Duration(time.Duration(n.UptimeMs) * time.Millisecond),
		})
	}
	return rows
}

// links shows each pair of nodes once, as the first of the two sees it, but a
// connection that only one of them has as that one sees it.
func (v topView) links() (rows [][]string) {
	shown := map[string]bool{}
	for _, n := range v.now.Nodes {
		for _, l := range n.Links {
			ends := []string{n.ID, l.NodeID}
			slices.Sort(ends)
			pair := strings.Join(ends, " ")
			if !l.Connected || shown[pair] {
				continue
			}
			shown[pair] = true
			rows = append(rows, []string{n.Name + " – " + l.Node, fmt.Sprintf("%.2f ms", l.RTTMs), fmt.Sprintf("%+d ms", l.ClockOffsetMs)})
		}
	}
	return rows
}

func (v topView) agents() (rows [][]string) {
	type line struct {
		row  []string
		busy float64
	}
	nodes := map[string]topNode{}
	for _, n := range v.now.Nodes {
		nodes[n.Name] = n
	}
	before := map[string]topAgent{}
	if v.before != nil {
		for _, b := range v.before.Agents {
			before[b.Name+"@"+b.Node] = b
		}
	}
	var lines []line
	for _, g := range v.now.Agents {
		_, seconds := v.earlier(nodes[g.Node])
		b, known := before[g.Name+"@"+g.Node]
		if !known {
			seconds = 0
		}
		l := line{row: []string{
			g.Name, g.Node, strconv.Itoa(g.Instances), rate(g.Received, b.Received, seconds), rate(g.Sent, b.Sent, seconds),
			strconv.FormatUint(g.Received, 10), strconv.FormatUint(g.Sent, 10),
		}}
		if seconds > 0 && g.Received >= b.Received && g.Sent >= b.Sent {
			l.busy = float64(g.Received-b.Received+g.Sent-b.Sent) / seconds
		}
		lines = append(lines, l)
	}
	// Those that do most now are on top; the others are in the node's order.
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(b.busy, a.busy) })
	for _, l := range lines {
		rows = append(rows, l.row)
	}
	return rows
}

func (v topView) inboxes() (rows [][]string) {
	for _, i := range v.now.Inboxes {
		oldest := ""
		if i.Oldest != nil {
			oldest = output.Ago(*i.Oldest, v.at)
		}
		rows = append(rows, []string{i.Agent, strconv.Itoa(i.Messages), output.Bytes(i.Bytes), oldest, strconv.Itoa(i.Dead)})
	}
	return rows
}
