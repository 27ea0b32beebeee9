// Package function is what queries call: openCypher's functions and aggregates,
// and what they run in.
//
// A function is pure but for its Env: the graph, the clock of the statement and
// its randomness come from there, and all that it makes is bounded by the Budget.
package function

import (
	"context"
	"strings"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Env is what a query runs in. It belongs to one run and one goroutine.
type Env struct {
	Ctx    context.Context
	Graph  graph.Reader
	Params value.Map
	Now    time.Time // of the statement; every clock of it shows this
	Random func() float64
	Budget *Budget

	patterns map[string]*Pattern
	memo     map[any]any
	stack    []value.Value // arguments of the calls that are being prepared
}

// Memo makes something once in a run, and gives it back from then on.
func (env *Env) Memo(key any, make func() any) any {
	v, ok := env.memo[key]
	if !ok {
		v = make()
		if env.memo == nil {
			env.memo = map[any]any{}
		}
		env.memo[key] = v
	}
	return v
}

// Mark begins to prepare a call. Its arguments are on a stack, so that calls
// allocate nothing: take a mark, Push each argument, call with the Args since the
// mark, Drop them. A function must not keep the slice of its arguments.
func (env *Env) Mark() int { return len(env.stack) }

// Push adds an argument.
func (env *Env) Push(v value.Value) { env.stack = append(env.stack, v) }

// Args are the arguments since the mark, valid until they are dropped.
func (env *Env) Args(mark int) []value.Value { return env.stack[mark:len(env.stack):len(env.stack)] }

// Drop forgets the arguments since the mark.
func (env *Env) Drop(mark int) { env.stack = env.stack[:mark] }

// Type is a set of kinds: what an argument may be, or a result. Null is of every
// type.
type Type uint32

// TypeOf is the set of one kind.
func TypeOf(k value.Kind) Type { return 1 << k }

// The types.
const (
	Boolean       Type = 1 << value.KindBool
	Integer       Type = 1 << value.KindInt
	Float         Type = 1 << value.KindFloat
	String        Type = 1 << value.KindString
	List          Type = 1 << value.KindList
	Map           Type = 1 << value.KindMap
	Node          Type = 1 << value.KindNode
	Relationship  Type = 1 << value.KindRel
	Path          Type = 1 << value.KindPath
	Date          Type = 1 << value.KindDate
	LocalTime     Type = 1 << value.KindLocalTime
	Time          Type = 1 << value.KindTime
	LocalDateTime Type = 1 << value.KindLocalDateTime
	DateTime      Type = 1 << value.KindDateTime
	Duration      Type = 1 << value.KindDuration

	Number   = Integer | Float
	Temporal = Date | LocalTime | Time | LocalDateTime | DateTime
	Any      = Boolean | Number | String | List | Map | Node | Relationship | Path | Temporal | Duration
)

// Has says that a value of the kind is of the type; null always is.
func (t Type) Has(k value.Kind) bool { return k == value.KindNull || t&(1<<k) != 0 }

// Func is a function or an aggregate. Eval belongs to the first, New to the
// second.
type Func struct {
	Name      string // as openCypher writes it
	Min, Max  int    // how many arguments; Max -1 means any number
	Aggregate bool
	// Args are the types that are taken for each argument, the last for all that
	// follow; nil takes everything.
	Args   []Type
	Result Type
	// Pure says that the same arguments always give the same, without the graph,
	// the clock or chance.
	Pure bool
	Eval func(env *Env, pos fault.Pos, args []value.Value) (value.Value, error)
	New  func(distinct bool) Accumulator
}

// Arg is the type that the i-th argument may have.
func (f *Func) Arg(i int) Type {
	if len(f.Args) == 0 {
		return Any
	}
	return f.Args[min(i, len(f.Args)-1)]
}

// Accumulator gathers one group of an aggregate. count(*) is given no arguments.
type Accumulator interface {
	Add(env *Env, pos fault.Pos, args []value.Value) error
	Result() (value.Value, error)
}

var registry = map[string]*Func{}

// register makes functions known, at the start of the program.
func register(funcs ...*Func) {
	for _, f := range funcs {
		key := strings.ToLower(f.Name)
		if registry[key] != nil {
			panic("function registered twice: " + f.Name)
		}
		registry[key] = f
	}
}

// Lookup finds a function by its name, with its namespace, without regard to case.
func Lookup(name string) (*Func, bool) {
	f, ok := registry[strings.ToLower(name)]
	return f, ok
}
