// Package plan decides how a query is worked off: in which order its patterns are
// matched, from which node or index each starts, and where its predicates are
// asked.
//
// It is pure: a plan follows from the query and a few counts of the graph. It
// changes how long a query takes, never what it answers; package exec runs it.
package plan

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/graph"
)

// Stats is what is known of a graph without reading it. graph.Reader has it.
type Stats interface {
	Lookup(label, property string) (graph.Lookup, bool)
	CountNodes(label string) (n uint64, exact bool)
	CountRels(typ string) (n uint64, exact bool)
}

// Plan is a planned query.
type Plan struct {
	Columns []string
	// Parts are the single queries of a union, in order; the rows of the first
	// Distinct of them are shown once only.
	Parts    []*Part
	Distinct int
}

// Part is a planned single query: rows run through its steps from the first to
// the last, beginning with one row that holds nothing but what is seen around it.
type Part struct {
	Steps []Step
	// Columns are the variables that make up the answer, in the order of the
	// plan's columns; none where the query has no RETURN.
	Columns []string
}

// Step is one operator. Rows is about how many rows leave it.
type Step struct {
	Op   Op
	Rows float64
}

// Op is an operator: one of the types below.
type Op interface{ op() }

type (
	// Nodes binds Var to every node that has the label, or to every node. This
	// and the other operators that bind a node want it to have all of Labels.
	Nodes struct {
		Var, Label string
		Labels     []string
	}
	// ByID binds Var to the node whose id is the value of ID, or with Many to the
	// nodes whose ids are in that list.
	ByID struct {
		Var    string
		ID     ast.Expr
		Many   bool
		Labels []string
	}
	// Find binds Var to at least those nodes whose property equals Value, or with
	// Many is in that list, by way of an index. A filter behind it looks closer.
	Find struct {
		Var, Label, Property string
		Value                ast.Expr
		Many                 bool
		Labels               []string
	}
	// Hashed is Find by a property that has no index, for many rows: it looks
	// through the nodes of the label once and remembers them by their value.
	Hashed struct {
		Var, Label, Property string
		Value                ast.Expr
		Labels               []string
	}
	// Given wants Var, which is bound already, to be a node.
	Given struct {
		Pos    fault.Pos
		Var    string
		Labels []string
	}
	// Scan binds a relationship and both of its ends to every relationship, or if
	// there is an ID to the one that has it, or with Many to those in that list.
	Scan struct {
		*Rel
		ID          ast.Expr
		Many        bool
		Left, Right []string // labels
		Filters     []Filter
	}
	// Expand follows relationships from one end, which is bound, to the other.
	Expand struct {
		*Rel
		Back    bool // from To to From
		Into    bool // the other end is bound, too
		Labels  []string
		Filters []Filter // that look at the relationship
	}
	// Held matches a relationship that is bound already.
	Held struct {
		*Rel
		HasFrom, HasTo bool // which end is bound
		Left, Right    []string
	}
	// Walk follows any number of relationships from Min to Max.
	Walk struct {
		*Rel
		Back, Into bool
		Labels     []string
	}
	// Reach finds the nodes to which Walk would lead, each once, where it does not
	// matter how many walks lead there, nor which.
	Reach struct {
		*Rel
		Back, Into bool
		Labels     []string
	}
	// HeldList matches a list of relationships that is bound already.
	HeldList struct {
		*Rel
		HasFrom, HasTo bool
		Left, Right    []string
	}
	// Shortest finds one shortest walk between two nodes, or all of them, among
	// those that pass Filters, which may ask for Path, the name of the path.
	Shortest struct {
		*Rel
		All      bool
		Path     string
		KeepPath bool // the path is asked for
		Single   bool // Var is one relationship: the pattern has no length
		Filters  []Filter
	}
	// Path binds Var to the path along nodes and relationships.
	Path struct {
		Var   string
		Nodes []string
		Rels  []*Rel
	}
	// Filters keeps the rows that pass all.
	Filters struct{ List []Filter }
	// Optional runs Steps for each row, and where that gives none lets the row
	// pass with null for Binds.
	Optional struct {
		Steps []Step
		Binds []string
	}
	// Unwind binds Var to each element of a list.
	Unwind struct {
		List ast.Expr
		Var  string
	}
	// Aggregate groups rows by Keys. Calls are the aggregates that are computed.
	// Behind it only the keys and the calls can be seen.
	Aggregate struct {
		Keys  []Item
		Calls []*ast.Call
		// Plain are those calls that count rows, whatever they say: they count a
		// variable that is never null.
		Plain map[*ast.Call]bool
	}
	// Project computes Items: behind it they can be seen and, until the next
	// Forget, what was seen before.
	Project struct{ Items []Item }
	// Distinct shows each row once only. Columns are what makes a row.
	Distinct struct{ Columns []string }
	// Sort orders the rows. Keep are the variables that are seen behind it. Only
	// the first Skip+Limit rows are needed, if Limit is not nil.
	Sort struct {
		By          []ast.SortItem
		Keep        []string
		Skip, Limit ast.Expr
	}
	// Slice leaves out the first Skip rows and those after Limit.
	Slice struct{ Skip, Limit ast.Expr }
	// Forget lets only Keep be seen from here on, and what is seen around.
	Forget struct{ Keep []string }
	// Count binds Var to how many nodes have a label, or how many relationships
	// are of a type.
	Count struct {
		Var   string
		Rels  bool
		Label string // or type
	}
)

// Item is a computed column.
type Item struct {
	Name string
	Expr ast.Expr
}

// Filter is a predicate. A Soft one that fails with an error keeps the row, since
// it is asked again where it belongs.
type Filter struct {
	Expr ast.Expr
	Soft bool
}

// Test is what each relationship of a walk must pass, or each of its nodes, both
// ends included. It is called Var in Expr.
type Test struct {
	Var   string
	Nodes bool
	Expr  ast.Expr
}

// Rel is a relationship pattern between two variables.
type Rel struct {
	Pos      fault.Pos
	Var      string
	From, To string
	Types    []string
	Dir      ast.Direction
	// Keep says that the value of Var is asked for.
	Keep bool
	// Long says that it is of variable length, Min to Max; Max -1 is open.
	Long     bool
	Min, Max int
	// Tests are asked of each part of the walk.
	Tests []Test
	// Avoid are the relationships that were matched before and must be others.
	Avoid []*Rel
}

func (*Nodes) op()     {}
func (*ByID) op()      {}
func (*Find) op()      {}
func (*Hashed) op()    {}
func (*Given) op()     {}
func (*Scan) op()      {}
func (*Expand) op()    {}
func (*Held) op()      {}
func (*Walk) op()      {}
func (*Reach) op()     {}
func (*HeldList) op()  {}
func (*Shortest) op()  {}
func (*Path) op()      {}
func (*Filters) op()   {}
func (*Optional) op()  {}
func (*Unwind) op()    {}
func (*Aggregate) op() {}
func (*Project) op()   {}
func (*Distinct) op()  {}
func (*Sort) op()      {}
func (*Slice) op()     {}
func (*Forget) op()    {}
func (*Count) op()     {}
