package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// JSONLDReader reads a part of JSON-LD 1.1 while it arrives: a list of node
// objects, or an object with a "@context" before a "@graph" that lists them, or
// one node object. Contexts must be in the file: a remote one is refused, not
// fetched. Not taken are @reverse, @nest, @included, @import and scoped
// contexts; the order of a @list is lost. What is said of a subject becomes
// nodes and edges as grouper says.
type JSONLDReader struct {
	queue
	in     *budget
	lines  *lineCounter
	dec    *json.Decoder
	state  jsonldState
	root   map[string]any // members of a document that is one node object
	ctx    *ldContext
	group  grouper
	blanks int
	failed error
}

type jsonldState int

const (
	atStart  jsonldState = iota
	inObject             // of the document
	inList               // of node objects
	atEnd
)

// NewJSONLD returns a reader of one document.
func NewJSONLD(r io.Reader) *JSONLDReader {
	j := &JSONLDReader{in: &budget{r: r}, root: map[string]any{}, ctx: &ldContext{}}
	j.lines = &lineCounter{r: j.in, line: 1}
	j.dec = json.NewDecoder(&noBOM{r: j.lines})
	j.dec.UseNumber()
	j.group.queue = &j.queue
	return j
}

// Next implements Reader.
func (j *JSONLDReader) Next() ([]byte, error) { return j.next(j.more) }

// Bytes implements Reader; it counts what was read ahead too.
func (j *JSONLDReader) Bytes() int64 { return j.in.total }

func (j *JSONLDReader) more() error {
	if j.failed == nil {
		j.in.renew()
		if err := j.step(); err != nil {
			if !errors.Is(err, io.EOF) {
				err = fmt.Errorf("line %d: %w", j.here(), err)
			}
			j.failed = err
			j.group.flush()
		}
		return nil
	}
	return j.failed
}

func (j *JSONLDReader) here() int { return j.lines.at(j.dec.InputOffset()) }

func (j *JSONLDReader) step() error {
	switch j.state {
	case atStart:
		t, err := j.dec.Token()
		switch {
		case err != nil:
			return broken(err)
		case t == json.Delim('['):
			j.state = inList
		case t == json.Delim('{'):
			j.state = inObject
		default:
			return errors.New("the document is neither an object nor a list")
		}
	case inObject:
		return j.member()
	case inList:
		if j.dec.More() {
			return j.element()
		}
		if _, err := j.dec.Token(); err != nil {
			return broken(err)
		}
		if j.state = atEnd; j.root["@graph"] != nil {
			j.state = inObject
		}
	default:
		if _, err := j.dec.Token(); !errors.Is(err, io.EOF) {
			return errors.New("there is something after the end of the document")
		}
		return io.EOF
	}
	return nil
}

// broken keeps an early end from looking like a good one.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the document is cut short")
	}
	return err
}

// member reads a member of the document's object.
func (j *JSONLDReader) member() error {
	t, err := j.dec.Token()
	if err != nil {
		return broken(err)
	}
	name, ok := t.(string)
	if !ok { // the end of the object
		j.state = atEnd
		delete(j.root, "@graph")
		if len(j.root) > 0 {
			j.object(j.here(), j.root)
		}
		return nil
	}
	if name == "@graph" || j.ctx.keyword(name) == "@graph" {
		if t, err := j.dec.Token(); err != nil || t != json.Delim('[') {
			return errors.New("@graph must be a list")
		}
		j.root["@graph"] = true
		j.state = inList
		return nil
	}
	var v any
	if err := j.dec.Decode(&v); err != nil {
		return broken(err)
	}
	if name != "@context" {
		j.root[name] = v
		return nil
	}
	if j.root["@graph"] != nil {
		return errors.New("the @context comes after the @graph it is for")
	}
	j.ctx, err = j.ctx.with(v)
	return err
}

func (j *JSONLDReader) element() error {
	var v any
	if err := j.dec.Decode(&v); err != nil {
		return broken(err)
	}
	at := j.here()
	o, ok := v.(map[string]any)
	if !ok {
		j.refuse(at, refused("what a graph lists must be objects"))
		return nil
	}
	j.object(at, o)
	return nil
}

func (j *JSONLDReader) object(at int, o map[string]any) {
	x := expander{j: j}
	if _, err := x.node(o, j.ctx, 0); err != nil {
		j.refuse(at, &lineError{err})
		return
	}
	for i := range x.list {
		j.group.add(at, x.list[i])
	}
	// What is said of a blank node is said in one place, here.
	j.group.flush()
}

// lineCounter tells the line of a place that was read not long ago.
type lineCounter struct {
	r     io.Reader
	read  int64
	ends  []int64 // offsets of line ends after the place asked last
	line  int
	upped int
}

// Read implements io.Reader.
func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for i, b := range p[:n] {
		if b == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at takes places in rising order only.
func (l *lineCounter) at(offset int64) int {
	for l.upped < len(l.ends) && l.ends[l.upped] < offset {
		l.upped++
		l.line++
	}
	if l.upped > 4096 {
		l.ends = append(l.ends[:0], l.ends[l.upped:]...)
		l.upped = 0
	}
	return l.line
}

// noBOM leaves out a byte order mark at the start.
type noBOM struct {
	r     io.Reader
	begun bool
}

// Read implements io.Reader.
func (b *noBOM) Read(p []byte) (int, error) {
	if b.begun || len(p) < len(byteOrderMark) {
		return b.r.Read(p)
	}
	b.begun = true
	n, err := io.ReadFull(b.r, p[:len(byteOrderMark)])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	if n == len(byteOrderMark) && string(p[:n]) == string(byteOrderMark) {
		return 0, err
	}
	return n, err
}
