// Package lex cuts the text of a query into tokens.
//
// It never fails: what is no token becomes one of kind Bad that carries its
// error, and whoever comes to it decides what it means there. Its time and memory
// are linear in the text.
package lex

import "github.com/meshd/meshd/graphsync/cypher/fault"

// Kind is what a token is.
type Kind uint8

// The kinds.
const (
	End    Kind = iota // the end of the text; always the last token
	Word               // a name or a keyword: the grammar's place decides
	Quoted             // a name between backticks, never a keyword
	Int
	Float
	String
	Param // $name, $0
	Sign  // an operator or a bracket, in Text
	Bad   // Err says why
)

// Token is one token. Text is the name without backticks, the string without
// quotes and escapes, the parameter without $, or else what is written.
type Token struct {
	Kind Kind
	Text string
	// Key is a Word in upper case, by which keywords are known.
	Key   string
	Int   uint64 // of Int; a minus sign is another token
	Float float64
	Pos   fault.Pos
	End   int32 // offset behind the token
	Err   *fault.Error
	// Number says that a Bad token was meant as one.
	Number bool
}

// Is says that t is the sign s.
func (t *Token) Is(s string) bool { return t.Kind == Sign && t.Text == s }

// Keyword says that t may be the keyword k, which is in upper case.
func (t *Token) Keyword(k string) bool { return t.Kind == Word && t.Key == k }

// Name says that t may be a name, and a keyword where the grammar wants one.
func (t *Token) Name() bool { return t.Kind == Word || t.Kind == Quoted }
