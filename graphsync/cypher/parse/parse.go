// Package parse turns the text of a query into its form, or says at which place
// it is none.
//
// It is a recursive descent over tokens, with precedence climbing for operators.
// It never goes back: what a bracket opens is decided by looking ahead, for which
// the partners of all brackets are known beforehand. So its time is linear in the
// text, and its stack is bounded by MaxDepth. What a query means is not its matter:
// names, types and the order of clauses are package check's.
package parse

import (
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/ast"
	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/lex"
)

// The bounds of a query's text.
const (
	// MaxText is in bytes.
	MaxText = 256 << 10
	// MaxDepth is how deep expressions, brackets and subqueries nest.
	MaxDepth = 200
	// MaxHeight is how high the tree of an expression is, to which a long chain of
	// operators adds too: those who walk it do so by recursion.
	MaxHeight = 2000
)

// Parse reads one query. Its errors are *fault.Error, with the place.
func Parse(src string) (q *ast.Query, err error) {
	if len(src) > MaxText {
		e := fault.At(fault.Pos{}, fault.Limit, "QueryTooLong", "the query has %d bytes, more than %d", len(src), MaxText)
		e.Limit = "length"
		return nil, e
	}
	p := &parser{src: src, toks: lex.Tokens(src), words: map[string]bool{}}
	defer func() {
		// The one panic that is the parser's own way out of its depth.
		if out := recover(); out != nil {
			e, ok := out.(bail)
			if !ok {
				panic(out)
			}
			q, err = nil, e.err
		}
	}()
	p.pair()
	return p.statement(), nil
}

// bail is how an error leaves the recursion.
type bail struct{ err *fault.Error }

type parser struct {
	src  string
	toks []lex.Token
	at   int
	// open is, for the index of every opening bracket, what it has inside.
	open []bracket
	// words are the reserved words that were introduced as variables.
	words map[string]bool
	// depth is of the recursion, height of the tree that was made last.
	depth, height int
	// inExists is how many EXISTS { } are open.
	inExists int
}

func (p *parser) tok() *lex.Token { return &p.toks[p.at] }

// peek is the token n ahead, or the last.
func (p *parser) peek(n int) *lex.Token { return p.token(p.at + n) }

func (p *parser) token(i int) *lex.Token { return &p.toks[min(i, len(p.toks)-1)] }

// next takes the present token.
func (p *parser) next() *lex.Token {
	t := p.tok()
	if p.at < len(p.toks)-1 {
		p.at++
	}
	return t
}

func (p *parser) is(sign string) bool { return p.tok().Is(sign) }

func (p *parser) keyword(k string) bool { return p.tok().Keyword(k) }

// accept takes the sign if it is next.
func (p *parser) accept(sign string) bool {
	if p.is(sign) {
		p.next()
		return true
	}
	return false
}

// acceptWord takes the keyword if it is next.
func (p *parser) acceptWord(k string) bool {
	if p.keyword(k) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expect(sign string) *lex.Token {
	if !p.is(sign) {
		p.unexpected(sign)
	}
	return p.next()
}

func (p *parser) expectWord(k string) *lex.Token {
	if !p.keyword(k) {
		p.unexpected(k)
	}
	return p.next()
}

// fail leaves with a syntax error.
func (p *parser) fail(pos fault.Pos, detail, format string, args ...any) {
	panic(bail{fault.At(pos, fault.Syntax, detail, format, args...)})
}

// unexpected leaves with what was wanted and what is there.
func (p *parser) unexpected(want string) {
	t := p.tok()
	if t.Err != nil && !t.Number {
		panic(bail{t.Err})
	}
	p.fail(t.Pos, "UnexpectedSyntax", "expected %s, found %s%s", want, found(t), p.hint())
}

// unsupported leaves with what is of the language, but not executed here.
func (p *parser) unsupported(t *lex.Token, format string, args ...any) {
	panic(bail{fault.At(t.Pos, fault.Unsupported, "Unsupported", format, args...)})
}

// found describes a token.
func found(t *lex.Token) string {
	text := t.Text
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:40], "") + "…"
	}
	switch t.Kind {
	case lex.End:
		return "the end of the query"
	case lex.String:
		return "the string '" + text + "'"
	case lex.Param:
		return "$" + text
	case lex.Quoted:
		return "`" + text + "`"
	}
	return text
}

// enter goes one level down; the function it gives back goes up again.
func (p *parser) enter() func() {
	p.depth++
	if p.depth > MaxDepth {
		p.tooDeep("the query nests deeper than %d levels", MaxDepth)
	}
	before := p.height
	p.height = 0
	return func() {
		p.depth--
		p.rise()
		p.height = max(before, p.height)
	}
}

// rise says that one node was put above those that are.
func (p *parser) rise() {
	p.height++
	if p.height > MaxHeight {
		p.tooDeep("the expression has more than %d operators in one chain", MaxHeight)
	}
}

func (p *parser) tooDeep(format string, args ...any) {
	e := fault.At(p.tok().Pos, fault.Limit, "NestingTooDeep", format, args...)
	e.Limit = "depth"
	panic(bail{e})
}
