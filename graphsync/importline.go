package graphsync

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// MaxLine bounds one line of an import, its line end not counted.
const MaxLine = 1 << 20

// LineReader reads the lines of an import one at a time, in bounded memory.
type LineReader struct {
	r     *bufio.Reader
	line  int
	bytes int64
	long  []byte
}

// NewLineReader returns a reader of JSON lines.
func NewLineReader(r io.Reader) *LineReader {
	return &LineReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// Line is the number of the line read last, from 1.
func (l *LineReader) Line() int { return l.line }

// Bytes is how much has been read, line ends included.
func (l *LineReader) Bytes() int64 { return l.bytes }

// ErrLine marks an error of one line; reading may go on after it.
var ErrLine = errors.New("line refused")

// lineError is an ErrLine that says no more than what was wrong.
type lineError struct{ fault error }

func (e *lineError) Error() string        { return e.fault.Error() }
func (e *lineError) Unwrap() error        { return e.fault }
func (e *lineError) Is(target error) bool { return target == ErrLine }

// Next returns the operation of the next line that is not blank: an
// OpUpsertNode or OpUpsertEdge. size is the length of the line. An error that
// is ErrLine concerns this line alone; io.EOF is the end.
func (l *LineReader) Next() (o Op, size int, err error) {
	for {
		line, err := l.read()
		if err != nil {
			return Op{}, 0, err
		}
		if l.line == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		o, err := DecodeLine(line)
		if err != nil {
			return Op{}, len(line), &lineError{err}
		}
		return o, len(line), nil
	}
}

// read returns the next line, valid until the following call.
func (l *LineReader) read() ([]byte, error) {
	l.long = l.long[:0]
	tooLong := false
	for {
		part, err := l.r.ReadSlice('\n')
		l.bytes += int64(len(part))
		more := errors.Is(err, bufio.ErrBufferFull)
		if more || len(l.long) > 0 || tooLong {
			if tooLong = tooLong || len(l.long)+len(part) > MaxLine+2; !tooLong {
				l.long = append(l.long, part...)
			}
		}
		switch {
		case more:
			continue
		case err != nil && (!errors.Is(err, io.EOF) || len(part)+len(l.long) == 0 && !tooLong):
			return nil, err
		}
		l.line++
		if tooLong {
			return nil, &lineError{fmt.Errorf("the line is longer than %d bytes", MaxLine)}
		}
		if len(l.long) > 0 {
			part = l.long
		}
		part = bytes.TrimRight(part, "\r\n")
		if len(part) > MaxLine {
			return nil, &lineError{fmt.Errorf("the line is longer than %d bytes", MaxLine)}
		}
		return part, nil
	}
}

// DecodeLine reads one line of an import:
//
//	{"node":{"key","type","label","properties"}}
//	{"edge":{"source","target","type","weight","predicate","properties","parallel"}}
//
// key, type, source and target must be there; a node's label defaults to its
// key. Names are exact, unknown and doubled ones are errors.
func DecodeLine(line []byte) (Op, error) {
	b, err := canonical(line, MaxDepth+2)
	if err != nil {
		return Op{}, fmt.Errorf("the line %w", err)
	}
	outer, err := members(b)
	if err != nil {
		return Op{}, err
	}
	if len(outer) != 1 {
		return Op{}, errors.New(`the line must have one member, "node" or "edge"`)
	}
	kind, body := string(outer[0].name(b)), outer[0].value(b)
	if kind != "node" && kind != "edge" {
		return Op{}, fmt.Errorf("unknown field %q", kind)
	}
	fields, err := members(body)
	if err != nil {
		return Op{}, fmt.Errorf("%s must be an object", kind)
	}
	o := Op{Op: OpUpsertNode}
	set := o.setNode
	if kind == "edge" {
		o.Op, set = OpUpsertEdge, o.setEdge
	}
	for _, f := range fields {
		name := string(f.name(body))
		if err := set(name, f.value(body)); err != nil {
			return Op{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if kind == "node" && o.Label == nil {
		o.Label = &o.Key
	}
	if _, r := prepare(&o); r != nil {
		return Op{}, r
	}
	return o, nil
}

var errUnknown = errors.New("unknown field")

func (o *Op) setNode(name string, v []byte) (err error) {
	switch name {
	case "key":
		o.Key, err = unquote(v)
	case "type":
		o.Type, err = unquote(v)
	case "label":
		var s string
		s, err = unquote(v)
		o.Label = &s
	case "properties":
		o.Properties = json.RawMessage(v)
	default:
		err = errUnknown
	}
	return err
}

func (o *Op) setEdge(name string, v []byte) (err error) {
	switch name {
	case "source":
		o.Source, err = unquote(v)
	case "target":
		o.Target, err = unquote(v)
	case "type":
		o.Type, err = unquote(v)
	case "weight":
		w, bad := strconv.ParseFloat(string(v), 64)
		if bad != nil || v[0] == '"' {
			return errors.New("must be a number")
		}
		o.Weight = &w
	case "predicate":
		var s string
		s, err = unquote(v)
		o.Predicate = &s
	case "properties":
		o.Properties = json.RawMessage(v)
	case "parallel":
		n, bad := strconv.ParseUint(string(v), 10, 32)
		if bad != nil {
			return errors.New("must be a small whole number")
		}
		o.Parallel = uint32(n)
	default:
		err = errUnknown
	}
	return err
}

// unquote reads a string in its canonical spelling.
func unquote(v []byte) (string, error) {
	if len(v) < 2 || v[0] != '"' {
		return "", errors.New("must be a string")
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", err
	}
	return s, nil
}
