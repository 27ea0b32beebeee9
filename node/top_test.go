package node

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/tracing"
)

// What one member answers must not keep the answers of the others from whoever
// asks: JSON has no infinity.
func TestOutlandishFiguresOfAMemberAreLeftOut(t *testing.T) {
	a, err := readTop(consensus.Encode(topAnswer{
		Load:   math.NaN(),
		Links:  []TopLink{{NodeID: "b", RTTMs: math.Inf(1)}, {NodeID: strings.Repeat("x", 1000)}, {NodeID: "c", RTTMs: 2}},
		Agents: []TopAgent{{Name: strings.Repeat("n", 1000)}, {Name: "\x1b[2J"}, {Name: "good", Received: 3}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if a.Load != 0 || len(a.Links) != 1 || a.Links[0].NodeID != "c" || len(a.Agents) != 1 || a.Agents[0].Name != "good" {
		t.Errorf("%+v", a)
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}

func TestASpanOfAnOutlandishTimeIsLeftOut(t *testing.T) {
	for begun, told := range map[int64]bool{math.MinInt64: false, -1: false, 0: true, maxUnixMs*1000 + 999: true, (maxUnixMs + 1) * 1000: false, math.MaxInt64: false} {
		r := tracing.Record{Begun: begun}
		if tellable(r) != told {
			t.Errorf("%d: told %v", begun, !told)
		}
		if _, err := json.Marshal(traceSpan(r, "b", "beta")); told && err != nil {
			t.Error(err)
		}
	}
}
