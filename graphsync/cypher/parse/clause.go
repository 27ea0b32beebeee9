package parse

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// statement is the whole text.
func (p *parser) statement() *ast.Query {
	explain := false
	switch {
	case p.acceptWord("EXPLAIN"):
		explain = true
	case p.keyword("PROFILE"):
		p.unsupported(p.tok(), "PROFILE is not supported: EXPLAIN shows the plan")
	}
	q := p.query()
	q.Explain = explain
	for p.accept(";") {
		continue
	}
	if p.tok().Kind != lex.End {
		p.noClause()
	}
	return q
}

// query is single queries joined by UNION.
func (p *parser) query() *ast.Query {
	q := &ast.Query{Parts: []*ast.SingleQuery{p.single()}}
	for p.acceptWord("UNION") {
		all := p.acceptWord("ALL")
		if !all {
			p.acceptWord("DISTINCT")
		}
		q.All = append(q.All, all)
		q.Parts = append(q.Parts, p.single())
	}
	return q
}

// single is a chain of clauses, of which there is at least one.
func (p *parser) single() *ast.SingleQuery {
	s := &ast.SingleQuery{}
	for c := p.clause(); c != nil; c = p.clause() {
		s.Clauses = append(s.Clauses, c)
	}
	if len(s.Clauses) == 0 {
		p.noClause()
	}
	return s
}

// clause is the next clause, or nil where none begins.
func (p *parser) clause() ast.Clause {
	t := p.tok()
	if t.Kind != lex.Word {
		return nil
	}
	switch t.Key {
	case "MATCH":
		return p.match(false)
	case "OPTIONAL":
		p.next()
		if p.keyword("CALL") {
			p.refuse()
		}
		m := p.match(true)
		m.Pos = t.Pos
		return m
	case "UNWIND":
		p.next()
		list := p.expr()
		p.expectWord("AS")
		return &ast.Unwind{Pos: t.Pos, List: list, Var: p.newName("a variable")}
	case "WITH":
		p.next()
		c := &ast.With{Pos: t.Pos, Projection: p.projection(p.newName)}
		if p.acceptWord("WHERE") {
			c.Where = p.expr()
		}
		return c
	case "RETURN":
		p.next()
		return &ast.Return{Pos: t.Pos, Projection: p.projection(p.column)}
	case "CREATE":
		return p.create()
	}
	p.refuse()
	return nil
}

func (p *parser) match(optional bool) *ast.Match {
	m := &ast.Match{Pos: p.expectWord("MATCH").Pos, Optional: optional}
	m.Patterns = p.patterns()
	if p.keyword("USING") {
		p.unsupported(p.tok(), "hints are not supported: the planner chooses the index")
	}
	if p.acceptWord("WHERE") {
		m.Where = p.expr()
	}
	return m
}

func (p *parser) create() ast.Clause {
	t := p.next()
	if p.inExists > 0 {
		p.fail(t.Pos, "InvalidClauseComposition", "the query inside of EXISTS only reads: it cannot %s", t.Key)
	}
	switch p.tok().Key {
	case "INDEX", "CONSTRAINT", "RANGE", "TEXT", "POINT", "LOOKUP", "FULLTEXT", "VECTOR", "UNIQUE", "OR", "DATABASE", "USER", "ROLE", "ALIAS":
		p.unsupported(t, "CREATE %s is not supported", p.tok().Key)
	}
	return &ast.Create{Pos: t.Pos, Patterns: p.patterns()}
}

// patterns are patterns between commas.
func (p *parser) patterns() []*ast.Pattern {
	out := []*ast.Pattern{p.pattern()}
	for p.accept(",") {
		out = append(out, p.pattern())
	}
	return out
}

// updating are the first words of what changes the graph.
var updating = map[string]bool{
	"MERGE": true, "SET": true, "DELETE": true, "DETACH": true, "NODETACH": true, "REMOVE": true,
	"FOREACH": true, "DROP": true, "ALTER": true, "INSERT": true,
}

// other are first words of clauses that are not executed here.
var other = map[string]bool{
	"CALL": true, "LOAD": true, "USE": true, "YIELD": true, "SHOW": true, "FINISH": true, "PERIODIC": true,
	"START": true, "PROFILE": true, "GRANT": true, "DENY": true, "REVOKE": true, "TERMINATE": true, "FOR": true,
	"LET": true, "FILTER": true, "CYPHER": true,
}

// refuse leaves if a clause begins that is not executed here.
func (p *parser) refuse() {
	t := p.tok()
	switch {
	case t.Kind != lex.Word:
	case updating[t.Key] && p.inExists > 0:
		p.fail(t.Pos, "InvalidClauseComposition", "the query inside of EXISTS only reads: it cannot %s", t.Key)
	case updating[t.Key]:
		p.unsupported(t, "%s is not supported: queries only read; write with POST /graph/batch", t.Key)
	case other[t.Key]:
		p.unsupported(t, "%s is not supported", t.Key)
	}
}

// noClause leaves where a clause, or the end, had to be.
func (p *parser) noClause() {
	p.refuse()
	p.unexpected("a clause as MATCH, WITH or RETURN")
}
