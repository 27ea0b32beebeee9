// Package ast is the form of a parsed query: clauses, patterns, expressions.
//
// It is data alone, without a rule of the language. Package parse makes it, check refuses what means nothing,
// plan turns it into work. Names follow the openCypher grammar.
package ast

import "github.com/meshd/meshd/graphsync/cypher/fault"

// Query is a whole statement: single queries joined by UNION. All has one element
// less than Parts; it says which unions keep duplicates.
type Query struct {
	Explain bool
	Parts   []*SingleQuery
	All     []bool
}

// SingleQuery is a chain of clauses.
type SingleQuery struct{ Clauses []Clause }

// Clause is one of *Match, *Unwind, *With, *Return, *Create.
type Clause interface {
	Place() fault.Pos
	clause()
}

type (
	// Match is MATCH and OPTIONAL MATCH.
	Match struct {
		Pos      fault.Pos
		Optional bool
		Patterns []*Pattern
		Where    Expr // or nil
	}
	// Unwind is UNWIND list AS var.
	Unwind struct {
		Pos  fault.Pos
		List Expr
		Var  Name
	}
	// With is WITH, and Where behind it.
	With struct {
		Pos fault.Pos
		Projection
		Where Expr
	}
	// Return is RETURN.
	Return struct {
		Pos fault.Pos
		Projection
	}
	// Create is CREATE. Queries read only: check refuses it. It is here since
	// graphs are written down with it, in tests most of all.
	Create struct {
		Pos      fault.Pos
		Patterns []*Pattern
	}
)

// Projection is what RETURN and WITH have in common. Star is the leading *, to
// which Items may be added.
type Projection struct {
	Distinct bool
	Star     bool
	Items    []Item
	OrderBy  []SortItem
	Skip     Expr // or nil
	Limit    Expr // or nil
}

// Item is one projected expression. Text is the expression as it was written,
// which names the column where Alias is empty.
type Item struct {
	Expr  Expr
	Alias Name
	Text  string
}

// Column is the name of the item's column.
func (i Item) Column() string {
	if i.Alias.Text != "" {
		return i.Alias.Text
	}
	return i.Text
}

// SortItem is one key of ORDER BY.
type SortItem struct {
	Expr Expr
	Desc bool
}

// Name is a variable where it is introduced, or the empty name.
type Name struct {
	Text string
	Pos  fault.Pos
}

// PathFunc is what is around a pattern.
type PathFunc uint8

// The functions around patterns.
const (
	AllPaths PathFunc = iota // none: all matches
	ShortestPath
	AllShortestPaths
)

// Pattern is a path pattern: Nodes has one element more than Rels.
type Pattern struct {
	Pos   fault.Pos
	Var   Name // of the named path
	Func  PathFunc
	Nodes []*NodePattern
	Rels  []*RelPattern
}

// Names are the variables that the pattern has in it, bound or not.
func (p *Pattern) Names() []string {
	var names []string
	add := func(n Name) {
		if n.Text != "" {
			names = append(names, n.Text)
		}
	}
	add(p.Var)
	for i, n := range p.Nodes {
		add(n.Var)
		if i < len(p.Rels) {
			add(p.Rels[i].Var)
		}
	}
	return names
}

// NodePattern is (v:L1:L2 {props}).
type NodePattern struct {
	Pos    fault.Pos
	Var    Name
	Labels []string
	Props  Expr // *Map, *Param or nil
}

// Direction is that of a relationship pattern.
type Direction uint8

// The directions.
const (
	Either Direction = iota // -- and <-->
	Right                   // -->
	Left                    // <--
)

// RelPattern is -[v:T1|T2*min..max {props}]-.
type RelPattern struct {
	Pos   fault.Pos
	Var   Name
	Types []string
	Dir   Direction
	Range *Range // variable length, or nil
	Props Expr   // *Map, *Param or nil
}

// Range is *min..max; nil is open. *n sets both.
type Range struct{ Min, Max *int64 }

func (c *Match) Place() fault.Pos  { return c.Pos }
func (c *Unwind) Place() fault.Pos { return c.Pos }
func (c *With) Place() fault.Pos   { return c.Pos }
func (c *Return) Place() fault.Pos { return c.Pos }
func (c *Create) Place() fault.Pos { return c.Pos }

func (*Match) clause()  {}
func (*Unwind) clause() {}
func (*With) clause()   {}
func (*Return) clause() {}
func (*Create) clause() {}
