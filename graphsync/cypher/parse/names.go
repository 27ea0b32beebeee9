package parse

import (
	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

const (
	sign  = lex.Sign
	param = lex.Param
)

// reserved are the words that are no variables unless between backticks, since
// they begin a clause or stand inside of expressions.
var reserved = map[string]bool{
	"MATCH": true, "OPTIONAL": true, "WHERE": true, "WITH": true, "UNWIND": true, "RETURN": true,
	"UNION": true, "ORDER": true, "SKIP": true, "LIMIT": true, "DISTINCT": true, "AS": true,
	"CREATE": true, "MERGE": true, "SET": true, "DELETE": true, "DETACH": true, "REMOVE": true,
	"AND": true, "OR": true, "XOR": true, "NOT": true, "IN": true, "IS": true,
	"STARTS": true, "ENDS": true, "CONTAINS": true,
	"TRUE": true, "FALSE": true, "NULL": true,
	"CASE": true, "WHEN": true, "THEN": true, "ELSE": true, "END": true,
}

// variableAt says that a variable may stand at i.
func (p *parser) variableAt(i int) bool {
	t := p.token(i)
	return t.Name() && !reserved[t.Key]
}

// variable takes a variable where one is introduced.
func (p *parser) variable() ast.Name {
	if !p.variableAt(p.at) {
		p.unexpected("a variable")
	}
	t := p.next()
	return ast.Name{Text: t.Text, Pos: t.Pos}
}

// anyName takes a name where no keyword could stand, so that all words are names:
// labels, types, properties, aliases.
func (p *parser) anyName(want string) ast.Name {
	if !p.tok().Name() {
		p.unexpected(want)
	}
	t := p.next()
	return ast.Name{Text: t.Text, Pos: t.Pos}
}
