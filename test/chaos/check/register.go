package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Verdicts count registers by what porcupine says of them.
type Verdicts struct{ Linearizable, Illegal, Undecided int }

// register is the model's state. A register begins at version 1.
type register struct {
	version uint64
	value   string
}

// model is a register whose version counts its changes, so that an effect which
// takes place twice, or a read between two versions, has no explanation.
func model(initial string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return register{1, initial} },
		Step: func(state, input, _ any) (bool, any) {
			s, op := state.(register), input.(Op)
			next := register{s.version + 1, op.Value}
			switch {
			case op.Kind == Read:
				return op.Version == s.version && op.Value == s.value, s
			case op.Kind == Write && op.Outcome == Unknown:
				return true, next
			case op.Kind == Write:
				return op.Version == next.version, next
			case op.Outcome == Unknown: // CAS from here on
				if s.version == op.Expect {
					return true, next
				}
				return true, s
			case op.Mismatch:
				return s.version != op.Expect, s
			default:
				return s.version == op.Expect && op.Version == next.version, next
			}
		},
		DescribeOperation: func(input, _ any) string {
			op := input.(Op)
			return fmt.Sprintf("%s %s v%d (expect %d) %s at %s", op.Kind, op.Value, op.Version, op.Expect, op.Outcome, op.Node)
		},
	}
}

// Registers checks each register on its own: whether its writes, compare and
// sets and linearizable reads have an order. An operation of unknown outcome
// may take effect at any time after its call. initial is the value of version 1
// by key; timeout bounds the search for one register.
func Registers(history []Op, initial map[string]string, timeout time.Duration) (Verdicts, []Problem) {
	by := map[string][]porcupine.Operation{}
	for _, op := range history {
		switch op.Kind {
		case Write, CAS:
			if op.Outcome == Refused {
				continue
			}
		case Read:
			if op.Outcome != OK {
				continue
			}
		default:
			continue
		}
		end := op.Return
		if op.Outcome == Unknown {
			end = math.MaxInt64
		}
		by[op.Key] = append(by[op.Key], porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Output: nil, Return: end})
	}
	var (
		v        Verdicts
		problems []Problem
	)
	for _, key := range sortedKeys(by) {
		switch porcupine.CheckOperationsTimeout(model(initial[key]), by[key], timeout) {
		case porcupine.Ok:
			v.Linearizable++
		case porcupine.Unknown:
			v.Undecided++
		default:
			v.Illegal++
			problems = append(problems, Problem{Kind: "nonlinear", Text: fmt.Sprintf("no order explains the %d operations on register %s", len(by[key]), key), Ops: ofKey(history, key)})
		}
	}
	return v, problems
}

// StaleReads finds linearizable reads that miss a change which was acknowledged,
// or seen by another linearizable read, before they began.
func StaleReads(history []Op) []Problem {
	var problems []Problem
	for key, ops := range registers(history) {
		known := slices.DeleteFunc(slices.Clone(ops), func(o Op) bool {
			return o.Outcome != OK || o.Mismatch || o.Kind == Stale || o.Kind == AtLeast
		})
		slices.SortFunc(known, func(a, b Op) int { return cmp.Compare(a.Return, b.Return) })
		newest := make([]Op, len(known)) // the highest version among those returned until each
		for i, o := range known {
			if newest[i] = o; i > 0 && newest[i-1].Version > o.Version {
				newest[i] = newest[i-1]
			}
		}
		for _, o := range known {
			if o.Kind != Read {
				continue
			}
			i, _ := slices.BinarySearchFunc(known, o.Call, func(k Op, t int64) int { return cmp.Compare(k.Return, t) })
			if i > 0 && newest[i-1].Version > o.Version {
				problems = append(problems, Problem{"stale", fmt.Sprintf("register %s: version %d was known before a linearizable read at %s began, which answered version %d", key, newest[i-1].Version, o.Node, o.Version), []Op{newest[i-1], o}})
			}
		}
	}
	return problems
}

// registers are the operations on registers, by key.
func registers(history []Op) map[string][]Op {
	by := map[string][]Op{}
	for _, op := range history {
		switch op.Kind {
		case Write, CAS, Read, Stale, AtLeast:
			by[op.Key] = append(by[op.Key], op)
		}
	}
	return by
}

func ofKey(history []Op, key string) []Op {
	return slices.DeleteFunc(slices.Clone(history), func(o Op) bool { return o.Key != key })
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
