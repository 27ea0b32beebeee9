package node

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Check is one finding of the doctor.
type Check struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Note marks what is in order and yet worth knowing, such as a limit of
	// how the mesh was made.
	Note bool   `json:"note,omitempty" doc:"in order, and yet worth knowing"`
	Text string `json:"text"`
	Next string `json:"next,omitempty"`
}

// maxClockSkew is how far a member's clock may be off before the doctor says
// so.
const maxClockSkew = 5 * time.Second

// Doctor examines the running node and its view of the mesh: each member's
// link and clock, the state, the voters, the disk.
func (n *Node) Doctor(ctx context.Context) []Check {
	st := n.Status()
	checks := []Check{{Name: "mesh", OK: st.State == StateOK, Text: fmt.Sprintf("mesh %s is %s at revision %d", st.MeshName, st.State, st.Revision)}}
	for _, p := range st.Problems {
		note := isNote(p, st.State)
		checks = append(checks, Check{Name: strings.ToLower(p.Code), OK: note, Note: note, Text: p.Text, Next: p.Next})
	}
	var others []string
	for _, m := range n.trust.Roster().Members {
		if m.ID != n.id.ID() {
			others = append(others, m.Addresses...)
		}
	}
	checks = append(checks, checkAddress(n.OnlyLoopback(), n.addresses(), n.Port(), others))
	checks = append(checks, n.checkLinks(ctx)...)
	checks = append(checks, n.checkStates(ctx))
	return append(checks, n.checkDisk())
}

// isNote says that a problem of the status is how a mesh in order stands: one
// that was made of two nodes has no spare, and a member may go.
func isNote(p Problem, state string) bool {
	return state == StateOK && (p.Code == codeNoSpare || p.Code == codeLeaving || p.Code == codeRemoving)
}

// checkAddress judges where the mesh dials this node. One that can be reached
// from its own machine only is as it was made where the others are, too.
func checkAddress(only bool, mine []string, port int, others []string) Check {
	where := strings.Join(mine, ", ")
	if !only {
		return Check{Name: "address", OK: true, Text: "the mesh dials this node at " + where}
	}
	note := onlyLoopback(others)
	return Check{Name: "address", OK: note, Note: note, Text: "this node can be reached from this machine only (" + where + ")",
		Next: fmt.Sprintf("for nodes on other machines start it with --listen :%d, or --advertise an address that they can dial", port)}
}

// checkLinks asks every other member for its stats and compares clocks and
// states.
func (n *Node) checkLinks(ctx context.Context) []Check {
	var out []Check
	mine := n.peerStats()
	for _, m := range n.trust.Roster().Members {
		if m.ID == n.id.ID() {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, 2*time.Second)
		begun := time.Now()
		s, err := n.statsOf(asking, m.ID)
		cancel()
		c := Check{Name: "link to " + m.Name, OK: err == nil}
		switch {
		case err != nil:
			c.Text = plain(err)
			c.Next = fmt.Sprintf("is it up, and do the firewalls let %s through?", strings.Join(m.Addresses, ", "))
		default:
			c.Text = fmt.Sprintf("answers in %s", time.Since(begun).Round(100*time.Microsecond))
			if skew := time.UnixMilli(s.UnixMs).Sub(begun); skew.Abs() > maxClockSkew {
				c.OK, c.Text, c.Next = false, fmt.Sprintf("its clock is %s off this one's", skew.Round(time.Second)), "set both clocks by NTP"
			} else if s.Revision == mine.Revision && s.Hash != mine.Hash {
				c.OK, c.Text, c.Next = false, fmt.Sprintf("its state differs from this node's at revision %d", s.Revision), "the node that is wrong finds out by itself and fetches the state anew; the line on states says how it stands"
			}
		}
		out = append(out, c)
	}
	return out
}

// lowDisk is the free space under which the doctor warns.
const lowDisk = 1 << 30

func (n *Node) checkDisk() Check {
	st := n.group.Status()
	c := Check{Name: "disk", OK: st.FreeBytes >= lowDisk, Text: fmt.Sprintf("%d MiB free under %s (log %d MiB, state %d MiB)", st.FreeBytes>>20, n.cfg.Data, st.LogBytes>>20, st.StateBytes>>20)}
	if !c.OK {
		c.Next = "make room: a full disk stops this node's writes"
	}
	return c
}

// scrubPatience bounds the comparison that the doctor asks for.
const scrubPatience = 20 * time.Second

// checkStates compares the content of all replicas at one entry of the log.
func (n *Node) checkStates(ctx context.Context) Check {
	ctx, cancel := context.WithTimeout(ctx, scrubPatience)
	defer cancel()
	c := Check{Name: "states"}
	report, err := n.group.Scrub(ctx)
	switch {
	case err != nil && len(report.Hashes) == 0:
		c.Text, c.Next = "the replicas could not be compared: "+err.Error(), "ask again when the mesh has a leader"
	case len(report.Differ) > 0:
		c.Text = fmt.Sprintf("%s differ from the majority at revision %d", strings.Join(n.namesOf(report.Differ), ", "), report.Revision)
		c.Next = "they have been told: each takes a new seat and fetches the state anew"
	case len(report.Damaged) > 0:
		c.Text = strings.Join(n.namesOf(report.Damaged), ", ") + " found a damaged state file"
		c.Next = "it is made anew from snapshot and log by itself; look at that disk and memory"
	case report.Undecided:
		c.Text = fmt.Sprintf("the replicas differ at revision %d and no majority agrees", report.Revision)
		c.Next = "keep a backup of each; restore the one that is right into a new mesh, or reset the node that is wrong and let it join again"
	case len(report.Silent) > 0:
		c.Text, c.Next = fmt.Sprintf("%s did not answer, the others agree at revision %d", strings.Join(n.namesOf(report.Silent), ", "), report.Revision), "is it up, and is its disk fast enough?"
	default:
		c.OK, c.Text = true, fmt.Sprintf("%d replicas have the same content at revision %d", len(report.Hashes), report.Revision)
	}
	return c
}

// namesOf are the members behind raft ids.
func (n *Node) namesOf(raftIDs []string) (names []string) {
	for _, id := range raftIDs {
		name := id
		if p, ok := n.trust.ByRaftID(id); ok {
			name = p.Name
		}
		names = append(names, name)
	}
	return names
}
