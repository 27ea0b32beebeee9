package node

import (
	"slices"
	"strings"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node/message"
)

// toldRoom is how many bytes of what the agents of this node say of themselves
// the others are told. With their names, which the router bounds, it fits the
// record of a node: one that did not would keep all of them from being reached.
const toldRoom = 256 << 10

// announced is what the others are told of the agents of this node. Where they
// say more of themselves than there is room for, each has the same share, and
// who says no more than that is told of whole.
func announced(agents []message.Local) []gossip.Agent {
	share := shareOf(agents, toldRoom)
	out := make([]gossip.Agent, 0, len(agents))
	for i := range agents {
		a := &agents[i]
		t := gossip.Agent{Name: a.Name, Kind: a.Kind, Instances: a.Instances, Busy: a.Busy, Durable: a.Durable}
		left := share
		for _, c := range a.Capabilities {
			if left -= capabilitySize(c); left < 0 {
				break
			}
			t.Capabilities = append(t.Capabilities, c)
		}
		if t.Description = a.Description; len(t.Description) > max(left, 0) {
			t.Description = strings.ToValidUTF8(t.Description[:max(left, 0)], "")
		}
		out = append(out, t)
	}
	return out
}

// shareOf is how many bytes each agent may say of itself so that all of it fits.
func shareOf(agents []message.Local, room int) int {
	sizes := make([]int, 0, len(agents))
	for i := range agents {
		size := len(agents[i].Description)
		for _, c := range agents[i].Capabilities {
			size += capabilitySize(c)
		}
		sizes = append(sizes, size)
	}
	slices.Sort(sizes)
	for i, size := range sizes {
		if share := room / (len(sizes) - i); size > share {
			return share
		}
		room -= size
	}
	return toldRoom // all of it
}

// capabilitySize is what a capability takes in a record.
func capabilitySize(c string) int { return len(c) + 2 }
