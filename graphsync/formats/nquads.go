package formats

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NQuadsReader reads N-Quads and N-Triples (RDF 1.1); grouper says how
// statements become nodes and edges.
type NQuadsReader struct {
	queue
	*Lines
	group grouper
}

// NewNQuads returns a reader of statements.
func NewNQuads(r io.Reader) *NQuadsReader {
	n := &NQuadsReader{Lines: NewLines(r)}
	n.group.queue = &n.queue
	return n
}

// Next implements Reader.
func (n *NQuadsReader) Next() ([]byte, error) { return n.next(n.more) }

// Line implements Reader.
func (n *NQuadsReader) Line() int { return n.queue.Line() }

func (n *NQuadsReader) more() error {
	line, err := n.text()
	at := n.Lines.Line()
	switch {
	case isLineError(err):
		n.refuse(at, err)
		return nil
	case err != nil:
		n.group.flush()
		return err
	}
	st, ok, err := parseStatement(string(line))
	switch {
	case err != nil:
		n.refuse(at, &lineError{err})
	case ok:
		n.group.add(at, st)
	}
	return nil
}

var errStatement = errors.New("the line is not a statement: subject, predicate, object, perhaps a graph, and a full stop")

// parseStatement reads a line; ok is false for a comment.
func parseStatement(line string) (st statement, ok bool, err error) {
	p := statementParser{s: line}
	if p.space(); p.s == "" || p.s[0] == '#' {
		return st, false, nil
	}
	for i, to := range []*term{&st.s, &st.p, &st.o} {
		t, err := p.term()
		switch {
		case err != nil:
			return st, false, err
		case t.kind == literal && i < 2, t.kind == blank && i == 1:
			return st, false, errStatement
		}
		*to = t
		p.space()
	}
	if p.s != "" && p.s[0] != '.' {
		g, err := p.term()
		if err != nil || g.kind == literal {
			return st, false, errStatement
		}
		st.graph = g.value
		p.space()
	}
	if p.s == "" || p.s[0] != '.' {
		return st, false, errStatement
	}
	p.s = p.s[1:]
	if p.space(); p.s != "" && p.s[0] != '#' {
		return st, false, errStatement
	}
	return st, true, nil
}

type statementParser struct{ s string }

func (p *statementParser) space() { p.s = strings.TrimLeft(p.s, " \t") }

func (p *statementParser) term() (term, error) {
	switch {
	case strings.HasPrefix(p.s, "<"):
		v, err := p.iri()
		return term{kind: iri, value: v}, err
	case strings.HasPrefix(p.s, "_:"):
		end := strings.IndexAny(p.s, " \t<\"")
		if end < 0 {
			end = len(p.s)
		}
		label := strings.TrimRight(p.s[2:end], ".")
		if label == "" {
			return term{}, errStatement
		}
		p.s = p.s[2+len(label):]
		return term{kind: blank, value: label}, nil
	case strings.HasPrefix(p.s, `"`):
		return p.literal()
	}
	return term{}, errStatement
}

func (p *statementParser) iri() (string, error) {
	end := strings.IndexByte(p.s, '>')
	if end < 0 {
		return "", errStatement
	}
	v, err := unescape(p.s[1:end], false)
	p.s = p.s[end+1:]
	if err == nil && (v == "" || strings.ContainsAny(v, "<>\"{}|^`\\") || strings.IndexFunc(v, func(c rune) bool { return c <= ' ' }) >= 0) {
		err = errors.New("an IRI has a character that IRIs may not have")
	}
	if err == nil && !strings.Contains(v, ":") {
		err = errors.New("an IRI is relative")
	}
	return v, err
}

func (p *statementParser) literal() (t term, err error) {
	end := 1
	for end < len(p.s) && p.s[end] != '"' {
		if p.s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.s) {
		return t, errors.New("a literal has no end")
	}
	t.kind = literal
	if t.value, err = unescape(p.s[1:end], true); err != nil {
		return t, err
	}
	p.s = p.s[end+1:]
	switch {
	case strings.HasPrefix(p.s, "^^<"):
		p.s = p.s[2:]
		if t.datatype, err = p.iri(); t.datatype == tString {
			t.datatype = ""
		}
	case strings.HasPrefix(p.s, "@"):
		end := 1
		for end < len(p.s) && (p.s[end] == '-' || p.s[end]|0x20 >= 'a' && p.s[end]|0x20 <= 'z' || end > 1 && p.s[end] >= '0' && p.s[end] <= '9') {
			end++
		}
		if t.lang = p.s[1:end]; t.lang == "" {
			return t, errors.New("a literal has an empty language")
		}
		p.s = p.s[end:]
	}
	return t, err
}

var errEscape = errors.New(`a \ is followed by what it cannot be`)

// unescape resolves \u and \U, and in literals the others.
func unescape(s string, all bool) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		at := strings.IndexByte(s, '\\')
		if at < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:at])
		if s = s[at+1:]; s == "" {
			return "", errEscape
		}
		c := s[0]
		s = s[1:]
		if digits := map[byte]int{'u': 4, 'U': 8}[c]; digits > 0 {
			if len(s) < digits {
				return "", errEscape
			}
			r, err := strconv.ParseUint(s[:digits], 16, 32)
			if err != nil || !utf8.ValidRune(rune(r)) || r > utf8.MaxRune {
				return "", errEscape
			}
			b.WriteRune(rune(r))
			s = s[digits:]
			continue
		}
		plain := strings.IndexByte(`tbnrf"'\`, c)
		if plain < 0 || !all {
			return "", errEscape
		}
		b.WriteByte("\t\b\n\r\f\"'\\"[plain])
	}
	return b.String(), nil
}

// nquadsWriter writes statements in the default graph, so that N-Triples and
// N-Quads are the same.
type nquadsWriter struct{ blanks uint64 }

func newNQuadsWriter(w io.Writer) io.WriteCloser { return newSplitter(w, &nquadsWriter{}) }

func (n *nquadsWriter) begin(b []byte) []byte        { return b }
func (n *nquadsWriter) end(b []byte) ([]byte, error) { return b, nil }

func (n *nquadsWriter) record(b []byte, r *Record) ([]byte, error) {
	d := describe(r)
	if d.subject.kind == blank {
		n.blanks++
		d.subject.value = "m" + strconv.FormatUint(n.blanks, 10)
	}
	for i := range d.list {
		st := &d.list[i]
		b = appendTerm(b, &d.subject)
		b = appendTerm(append(b, ' '), &st.p)
		b = appendTerm(append(b, ' '), &st.o)
		b = append(b, " .\n"...)
	}
	return b, nil
}

func appendTerm(b []byte, t *term) []byte {
	switch t.kind {
	case iri:
		return append(append(append(b, '<'), t.value...), '>')
	case blank:
		return append(append(b, "_:"...), t.value...)
	}
	b = append(b, '"')
	for i := range len(t.value) {
		switch c := t.value[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c == '\r':
			b = append(b, `\r`...)
		case c < 0x20 || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = append(b, c)
		}
	}
	b = append(b, '"')
	switch {
	case t.lang != "":
		b = append(append(b, '@'), t.lang...)
	case t.datatype != "":
		b = append(append(append(b, "^^<"...), t.datatype...), '>')
	}
	return b
}
