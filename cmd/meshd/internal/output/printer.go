// Package output is how meshd speaks: tables and cards for people, JSON with
// stable fields for programs, questions on a terminal, progress where it can
// be seen.
//
// Results go to standard output; questions, hints and progress go to standard
// error, so that a pipe carries results only. Colour and progress appear on
// terminals and never under NO_COLOR (https://no-color.org) or TERM=dumb.
package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Printer writes results. It is for one goroutine.
type Printer struct {
	// Out takes results, Err everything that is about them, In the answers.
	Out, Err io.Writer
	In       io.Reader
	// JSON asks for JSON in place of tables.
	JSON bool
	// Colour allows colour on a terminal.
	Colour bool
}

// IsTerminal says that stream, a reader or writer, is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Object prints v as JSON, indented as Indented does.
func (p *Printer) Object(v any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := p.Out.Write(append(Indented(bytes.TrimSuffix(text.Bytes(), []byte("\n"))), '\n'))
	return err
}

// deepest is how many levels of JSON are indented: the spaces of a text grow with
// the square of its depth.
const deepest = 64

// Indented is a JSON text with indentation; as it is where it nests too deeply to
// be read, or is no JSON.
func Indented(text []byte) []byte {
	var pretty bytes.Buffer
	if deeper(text, deepest) || json.Indent(&pretty, text, "", "  ") != nil {
		return text
	}
	return pretty.Bytes()
}

// deeper says whether a JSON text nests more than so many levels.
func deeper(text []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > most {
				return true
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return false
}

// Line prints v as JSON on one line, for streams.
func (p *Printer) Line(v any) error {
	e := json.NewEncoder(p.Out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Result prints v as JSON if that was asked for, and otherwise calls people.
func (p *Printer) Result(v any, people func() error) error {
	if p.JSON {
		return p.Object(v)
	}
	return people()
}

// Say prints a line of text for people to standard output; under JSON it says
// nothing. Whether Out took it is for who gave Out to know.
func (p *Printer) Say(format string, args ...any) {
	if !p.JSON {
		fmt.Fprintf(p.Out, format+"\n", args...)
	}
}

// Hint prints a line about the result to standard error; under JSON it says
// nothing.
func (p *Printer) Hint(format string, args ...any) {
	if !p.JSON {
		fmt.Fprintf(p.Err, format+"\n", args...)
	}
}

// Style is a way to mark text on a terminal.
type Style string

// The styles in use: SGR parameters of ECMA-48.
const (
	Bold   Style = "1"
	Dim    Style = "2"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
)

// Mark returns s in a style where the terminal shows colour.
func (p *Printer) Mark(style Style, s string) string {
	if !p.Colour || s == "" {
		return s
	}
	return "\x1b[" + string(style) + "m" + s + "\x1b[0m"
}

// Clean makes text from elsewhere safe to print on a terminal: control
// characters, which could move the cursor or hide what follows, are shown as
// U+FFFD; tabs and line breaks become spaces.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < 0x20 || (r >= 0x7f && r < 0xa0) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069):
			return '\uFFFD'
		}
		return r
	}, s)
}
