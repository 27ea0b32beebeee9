package parse

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

const (
	sign  = lex.Sign
	param = lex.Param
)

// reserved are the words that begin a clause or stand inside of expressions. They
// are variables between backticks, and where no keyword could stand; from there on
// they are known as variables in expressions too.
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
	return t.Name() && (!reserved[t.Key] || p.words[t.Text])
}

// elementAt says that the variable of a node or a relationship stands at i, behind
// the bracket: a word that nothing of the sort follows is a keyword.
func (p *parser) elementAt(i int) bool {
	if p.variableAt(i) {
		return true
	}
	behind := p.token(i + 1)
	return p.token(i).Name() && !values[p.token(i).Key] && (behind.Kind == param || behind.Kind == sign && strings.Contains(")]:*{", behind.Text))
}

// variable takes a variable where one is introduced.
func (p *parser) variable() ast.Name {
	if !p.variableAt(p.at) {
		p.unexpected("a variable")
	}
	return p.newName("a variable")
}

// values are the words that mean something of their own in every expression, so
// that a variable of that name could not be asked for.
var values = map[string]bool{"NULL": true, "TRUE": true, "FALSE": true, "NOT": true, "CASE": true}

// newName takes a variable where no keyword could stand.
func (p *parser) newName(want string) ast.Name {
	if values[p.tok().Key] {
		p.unexpected(want)
	}
	n := p.anyName(want)
	if reserved[strings.ToUpper(n.Text)] {
		p.words[n.Text] = true
	}
	return n
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

// column takes the name of a column: every word will do, though not every one can
// be asked for afterwards.
func (p *parser) column(want string) ast.Name {
	if values[p.tok().Key] {
		return p.anyName(want)
	}
	return p.newName(want)
}
