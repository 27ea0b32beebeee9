package ast

import "github.com/meshd/meshd/graphsync/cypher/fault"

// Expr is one of the expressions below.
type Expr interface {
	Place() fault.Pos
	expr()
}

// Op is a unary, binary or comparing operator.
type Op uint8

// The operators.
const (
	Or Op = iota
	Xor
	And
	Not
	Eq
	Ne
	Lt
	Le
	Gt
	Ge
	Add
	Sub
	Mul
	Div
	Mod
	Pow
	Neg // unary minus
	Pos // unary plus
	In
	StartsWith
	EndsWith
	Contains
	Matches // =~
)

// Quantifier is all, any, none or single.
type Quantifier uint8

// The quantifiers.
const (
	All Quantifier = iota
	Any
	None
	Single
)

type (
	// Null is null.
	Null struct{ At fault.Pos }
	// Bool is true or false.
	Bool struct {
		At    fault.Pos
		Value bool
	}
	// Int is an integer literal.
	Int struct {
		At    fault.Pos
		Value int64
	}
	// Float is a floating point literal.
	Float struct {
		At    fault.Pos
		Value float64
	}
	// String is a string literal, unescaped.
	String struct {
		At    fault.Pos
		Value string
	}
	// Param is $name or $0.
	Param struct {
		At   fault.Pos
		Name string
	}
	// Var is a reference to a variable.
	Var struct {
		At   fault.Pos
		Name string
	}
	// List is [a, b].
	List struct {
		At    fault.Pos
		Items []Expr
	}
	// Map is {k: v}; the later of two equal keys holds.
	Map struct {
		At     fault.Pos
		Keys   []string
		Values []Expr
	}
	// Property is x.key.
	Property struct {
		At  fault.Pos
		X   Expr
		Key string
	}
	// Index is x[i].
	Index struct {
		At   fault.Pos
		X, I Expr
	}
	// Slice is x[from..to]; nil ends are open.
	Slice struct {
		At          fault.Pos
		X, From, To Expr
	}
	// Unary is Not, Neg or Pos.
	Unary struct {
		At fault.Pos
		Op Op
		X  Expr
	}
	// Binary is every operator with two sides but the comparisons.
	Binary struct {
		At   fault.Pos
		Op   Op
		L, R Expr
	}
	// Comparison is a chain: Items[0] Ops[0] Items[1] Ops[1] …, all of which must
	// hold (a < b < c is a < b AND b < c).
	Comparison struct {
		At    fault.Pos
		Items []Expr
		Ops   []Op // Eq Ne Lt Le Gt Ge
	}
	// IsNull is IS NULL, or IS NOT NULL.
	IsNull struct {
		At  fault.Pos
		X   Expr
		Not bool
	}
	// HasLabels is x:L1:L2.
	HasLabels struct {
		At     fault.Pos
		X      Expr
		Labels []string
	}
	// Call is a function, or an aggregate. Name is as written, with its
	// namespace: functions are found without regard to case. Star is count(*).
	Call struct {
		At       fault.Pos
		Name     string
		Distinct bool
		Star     bool
		Args     []Expr
	}
	// Case is CASE. Test is nil in the searched form; Else may be nil.
	Case struct {
		At    fault.Pos
		Test  Expr
		Whens []When
		Else  Expr
	}
	// ListComp is [v IN list WHERE w | x]; Where and X may be nil.
	ListComp struct {
		At    fault.Pos
		Var   Name
		List  Expr
		Where Expr
		X     Expr
	}
	// Quantified is all(v IN list WHERE w) and its like; Where may be nil.
	Quantified struct {
		At    fault.Pos
		Kind  Quantifier
		Var   Name
		List  Expr
		Where Expr
	}
	// Reduce is reduce(acc = init, v IN list | x).
	Reduce struct {
		At   fault.Pos
		Acc  Name
		Init Expr
		Var  Name
		List Expr
		X    Expr
	}
	// PatternComp is [p = (a)-->(b) WHERE w | x]; the name and Where may be absent.
	PatternComp struct {
		At      fault.Pos
		Pattern *Pattern
		Where   Expr
		X       Expr
	}
	// PatternExpr is a pattern as a predicate: it holds where there is a match. It
	// is shortestPath(…) too, which gives a path or null. Exists says that it was
	// written exists(…), which is a boolean wherever it stands.
	PatternExpr struct {
		At      fault.Pos
		Pattern *Pattern
		Exists  bool
	}
	// Exists is EXISTS { … }: a whole query, or patterns with an optional WHERE
	// (then Query is one Match and nothing more).
	Exists struct {
		At    fault.Pos
		Query *Query
	}
	// MapProjection is v {.key, .*, other, k: x}.
	MapProjection struct {
		At    fault.Pos
		Var   *Var
		Items []MapItem
	}
)

// When is one branch of CASE.
type When struct{ If, Then Expr }

// MapItem is one item of a map projection: All is .*, else Key with X, where X is
// nil for .key.
type MapItem struct {
	All bool
	Key string
	X   Expr
}

func (e *Null) Place() fault.Pos          { return e.At }
func (e *Bool) Place() fault.Pos          { return e.At }
func (e *Int) Place() fault.Pos           { return e.At }
func (e *Float) Place() fault.Pos         { return e.At }
func (e *String) Place() fault.Pos        { return e.At }
func (e *Param) Place() fault.Pos         { return e.At }
func (e *Var) Place() fault.Pos           { return e.At }
func (e *List) Place() fault.Pos          { return e.At }
func (e *Map) Place() fault.Pos           { return e.At }
func (e *Property) Place() fault.Pos      { return e.At }
func (e *Index) Place() fault.Pos         { return e.At }
func (e *Slice) Place() fault.Pos         { return e.At }
func (e *Unary) Place() fault.Pos         { return e.At }
func (e *Binary) Place() fault.Pos        { return e.At }
func (e *Comparison) Place() fault.Pos    { return e.At }
func (e *IsNull) Place() fault.Pos        { return e.At }
func (e *HasLabels) Place() fault.Pos     { return e.At }
func (e *Call) Place() fault.Pos          { return e.At }
func (e *Case) Place() fault.Pos          { return e.At }
func (e *ListComp) Place() fault.Pos      { return e.At }
func (e *Quantified) Place() fault.Pos    { return e.At }
func (e *Reduce) Place() fault.Pos        { return e.At }
func (e *PatternComp) Place() fault.Pos   { return e.At }
func (e *PatternExpr) Place() fault.Pos   { return e.At }
func (e *Exists) Place() fault.Pos        { return e.At }
func (e *MapProjection) Place() fault.Pos { return e.At }

func (*Null) expr()          {}
func (*Bool) expr()          {}
func (*Int) expr()           {}
func (*Float) expr()         {}
func (*String) expr()        {}
func (*Param) expr()         {}
func (*Var) expr()           {}
func (*List) expr()          {}
func (*Map) expr()           {}
func (*Property) expr()      {}
func (*Index) expr()         {}
func (*Slice) expr()         {}
func (*Unary) expr()         {}
func (*Binary) expr()        {}
func (*Comparison) expr()    {}
func (*IsNull) expr()        {}
func (*HasLabels) expr()     {}
func (*Call) expr()          {}
func (*Case) expr()          {}
func (*ListComp) expr()      {}
func (*Quantified) expr()    {}
func (*Reduce) expr()        {}
func (*PatternComp) expr()   {}
func (*PatternExpr) expr()   {}
func (*Exists) expr()        {}
func (*MapProjection) expr() {}
