package consensus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// spelled keeps the body of the one command that is proposed to it.
type spelled struct {
	consensus.State
	body []byte
}

var errSpelled = errors.New("kept")

func (s *spelled) Propose(_ context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	s.body = p.Body
	return consensus.Outcome{}, errSpelled
}

// BenchmarkApplyGraph measures what a property set of 256 bytes costs each node
// when it is applied: entries of 22 commands, 14 entries a transaction, among
// 10,000 nodes, without log or network.
func BenchmarkApplyGraph(b *testing.B) {
	const nodes, per, settle = 10_000, 22, 14
	a := consensus.NewApplier(b, graphsync.NewPart(), settle)
	state := new(spelled)
	s := graphsync.NewService(state)
	wo := graphsync.WriteOptions{Author: "key:abcdefgh"}
	value := strings.Repeat("v", 256)
	spell := func(_ any, err error) []byte {
		if !errors.Is(err, errSpelled) {
			b.Fatal(err)
		}
		return state.body
	}
	var entry [][]byte
	apply := func(body []byte) {
		if entry = append(entry, body); len(entry) == per {
			a.Apply(graphsync.PartName, entry)
			entry = entry[:0]
		}
	}
	for i := range nodes {
		_, _, err := s.CreateNode(context.Background(), wo, graphsync.NewNode{SessionID: "bench", NodeType: "bench", Label: fmt.Sprintf("k%07d", i), Properties: []byte(`{"value":"` + value + `"}`)})
		apply(spell(nil, err))
	}
	x := uint32(1)
	commands := make([][]byte, 50_000)
	for i := range commands {
		x = x*1664525 + 1013904223
		_, _, err := s.UpdateNode(context.Background(), wo, "", uint64(x>>8)%nodes+1, graphsync.NodePatch{Properties: fmt.Appendf(nil, `{"value":"%08d%s"}`, i, value[8:])})
		commands[i] = spell(nil, err)
	}
	for i := range nodes {
		apply(commands[i])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		apply(commands[i%len(commands)])
	}
}
