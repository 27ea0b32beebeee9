package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// Agents that say much of themselves do not keep the others of their node from
// being told of.
func TestVerboseAgentsLeaveRoomForTheOthers(t *testing.T) {
	modest := message.Local{Name: "modest", Description: "adds numbers", Capabilities: []string{"math"}, Instances: 2, Busy: 1, Durable: 1, Kind: message.KindSession}
	agents := []message.Local{modest}
	for i := range 2000 {
		agents = append(agents, message.Local{
			Name: fmt.Sprintf("verbose%d", i), Instances: 1, Description: strings.Repeat("é", 512),
			Capabilities: slices.Repeat([]string{strings.Repeat("x", 64)}, 32),
		})
	}
	told := announced(agents)
	if len(told) != len(agents) {
		t.Fatalf("%d of %d agents are told of", len(told), len(agents))
	}
	if a := told[0]; a.Description != modest.Description || !slices.Equal(a.Capabilities, modest.Capabilities) || a.Instances != 2 || a.Busy != 1 || a.Durable != 1 {
		t.Errorf("the modest one is told as %+v", a)
	}
	size := 0
	for _, a := range told {
		size += len(a.Description)
		for _, c := range a.Capabilities {
			size += capabilitySize(c)
		}
	}
	if size > toldRoom || size < toldRoom/2 {
		t.Errorf("%d bytes are told of a room of %d", size, toldRoom)
	}
	if a := announced(agents[:40])[39]; a.Description != agents[39].Description || len(a.Capabilities) != 32 {
		t.Error("what fits is not told whole")
	}
}
