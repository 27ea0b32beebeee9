package plan

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// kind is what a variable is known to be, if it is not null.
type kind uint8

const (
	unknown kind = iota
	aNode
	aRel
	aRelList
	aPath
)

// safe says that an expression cannot fail, whatever the graph holds: then it may
// be asked of rows that another part of the query would have left out.
func safe(e ast.Expr, kinds map[string]kind) bool {
	all := func(list ...ast.Expr) bool {
		for _, x := range list {
			if !safe(x, kinds) {
				return false
			}
		}
		return true
	}
	switch e := e.(type) {
	case *ast.Null, *ast.Bool, *ast.Int, *ast.Float, *ast.String, *ast.Var, *ast.Param:
		return true
	case *ast.List:
		return all(e.Items...)
	case *ast.Map:
		return all(e.Values...)
	case *ast.Property:
		v, ok := e.X.(*ast.Var)
		return ok && (kinds[v.Name] == aNode || kinds[v.Name] == aRel)
	case *ast.Comparison:
		return all(e.Items...)
	case *ast.IsNull:
		return safe(e.X, kinds)
	case *ast.HasLabels:
		v, ok := e.X.(*ast.Var)
		return ok && kinds[v.Name] == aNode
	case *ast.Unary:
		return e.Op == ast.Not && truth(e.X) && safe(e.X, kinds)
	case *ast.Binary:
		switch e.Op {
		case ast.And, ast.Or, ast.Xor:
			return truth(e.L) && truth(e.R) && all(e.L, e.R)
		case ast.In:
			return listed(e.R, kinds) && all(e.L, e.R)
		case ast.StartsWith, ast.EndsWith, ast.Contains:
			return all(e.L, e.R)
		}
		return false
	case *ast.Call:
		return safeCall(e, kinds)
	case *ast.Quantified:
		if e.Where == nil || !truth(e.Where) || !listed(e.List, kinds) || !safe(e.List, kinds) {
			return false
		}
		inner := make(map[string]kind, len(kinds)+1)
		for name, k := range kinds {
			inner[name] = k
		}
		inner[e.Var.Text] = elements(e.List, kinds)
		return safe(e.Where, inner)
	case *ast.PatternExpr:
		return e.Pattern.Func == ast.AllPaths && safePattern(e.Pattern, kinds)
	case *ast.Exists:
		return safeExists(e, kinds)
	}
	return false
}

func safeCall(e *ast.Call, kinds map[string]kind) bool {
	if len(e.Args) != 1 {
		return false
	}
	v, ok := e.Args[0].(*ast.Var)
	if !ok {
		return false
	}
	k := kinds[v.Name]
	switch strings.ToLower(e.Name) {
	case "id", "elementid", "keys", "properties":
		return k == aNode || k == aRel
	case "labels":
		return k == aNode
	case "type", "startnode", "endnode":
		return k == aRel
	case "length", "nodes", "relationships":
		return k == aPath
	case "size":
		return k == aRelList
	}
	return false
}

func safePattern(p *ast.Pattern, kinds map[string]kind) bool {
	props := func(e ast.Expr) bool {
		if e == nil {
			return true
		}
		_, ok := e.(*ast.Map)
		return ok && safe(e, kinds)
	}
	for _, n := range p.Nodes {
		// What is called by a name may be bound to something that is no node.
		if n.Var.Text != "" && kinds[n.Var.Text] != aNode || !props(n.Props) {
			return false
		}
	}
	for _, r := range p.Rels {
		if r.Var.Text != "" && kinds[r.Var.Text] != relKind(r) || !props(r.Props) {
			return false
		}
	}
	return true
}

// relKind is what a relationship pattern binds.
func relKind(r *ast.RelPattern) kind {
	if r.Range != nil {
		return aRelList
	}
	return aRel
}

func safeExists(e *ast.Exists, kinds map[string]kind) bool {
	if len(e.Query.Parts) != 1 || len(e.Query.Parts[0].Clauses) != 1 {
		return false
	}
	m, ok := e.Query.Parts[0].Clauses[0].(*ast.Match)
	if !ok {
		return false
	}
	inner := make(map[string]kind, len(kinds))
	for name, k := range kinds {
		inner[name] = k
	}
	for _, p := range m.Patterns {
		for _, n := range p.Nodes {
			if _, outside := inner[n.Var.Text]; !outside {
				inner[n.Var.Text] = aNode
			}
		}
		for _, r := range p.Rels {
			if _, outside := inner[r.Var.Text]; !outside {
				inner[r.Var.Text] = relKind(r)
			}
		}
	}
	for _, p := range m.Patterns {
		if p.Func != ast.AllPaths || !safePattern(p, inner) {
			return false
		}
	}
	return m.Where == nil || truth(m.Where) && safe(m.Where, inner)
}

// truth says that an expression can be nothing but a boolean or null.
func truth(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Null, *ast.Bool, *ast.Comparison, *ast.IsNull, *ast.HasLabels, *ast.Quantified, *ast.Exists:
		return true
	case *ast.PatternExpr:
		return e.Pattern.Func == ast.AllPaths
	case *ast.Unary:
		return e.Op == ast.Not
	case *ast.Binary:
		switch e.Op {
		case ast.And, ast.Or, ast.Xor, ast.In, ast.StartsWith, ast.EndsWith, ast.Contains, ast.Matches:
			return true
		}
		return false
	case *ast.Call:
		f, ok := function.Lookup(e.Name)
		return ok && f.Result == function.Boolean
	}
	return false
}

// listed says that an expression can be nothing but a list or null.
func listed(e ast.Expr, kinds map[string]kind) bool {
	switch e := e.(type) {
	case *ast.List, *ast.ListComp, *ast.PatternComp:
		return true
	case *ast.Var:
		return kinds[e.Name] == aRelList
	case *ast.Call:
		f, ok := function.Lookup(e.Name)
		return ok && f.Result == function.List
	}
	return false
}

// elements is what the elements of a list are known to be.
func elements(list ast.Expr, kinds map[string]kind) kind {
	switch e := list.(type) {
	case *ast.Var:
		if kinds[e.Name] == aRelList {
			return aRel
		}
	case *ast.Call:
		switch strings.ToLower(e.Name) {
		case "nodes":
			return aNode
		case "relationships":
			return aRel
		}
	}
	return unknown
}
