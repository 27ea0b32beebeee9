package formats

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// CSVReader reads a table (RFC 4180) whose first line names the columns; see
// csvcolumns.go for the names. Comma, semicolon and tabulator part the fields,
// whichever the first line has most of.
type CSVReader struct {
	queue
	in      *budget
	csv     *csv.Reader
	columns []column
	failed  error
}

// NewCSV returns a reader of one table.
func NewCSV(r io.Reader) *CSVReader {
	c := &CSVReader{in: &budget{r: r}}
	b := bufio.NewReaderSize(c.in, 64<<10)
	first, _ := b.Peek(16 << 10)
	if strings.HasPrefix(string(first), string(byteOrderMark)) {
		_, _ = b.Discard(len(byteOrderMark))
	}
	c.csv = csv.NewReader(b)
	c.csv.Comma = separator(first)
	c.csv.ReuseRecord = true
	c.csv.FieldsPerRecord = -1
	return c
}

// separator counts outside quotes, in the first line.
func separator(first []byte) rune {
	counts := map[byte]int{}
	quoted := false
	for _, b := range first {
		switch {
		case b == '"':
			quoted = !quoted
		case quoted:
		case b == '\n':
			first = nil
		case b == ',' || b == ';' || b == '\t':
			counts[b]++
		}
		if first == nil {
			break
		}
	}
	best := byte(',')
	for _, b := range []byte{';', '\t'} {
		if counts[b] > counts[best] {
			best = b
		}
	}
	return rune(best)
}

// Next implements Reader.
func (c *CSVReader) Next() ([]byte, error) { return c.next(c.more) }

// Bytes implements Reader; it counts what was read ahead too.
func (c *CSVReader) Bytes() int64 { return c.in.total }

func (c *CSVReader) more() error {
	if c.failed != nil {
		return c.failed
	}
	fields, err := c.row()
	if err != nil && !isLineError(err) {
		c.failed = err
		return err
	}
	at := 1
	if len(fields) > 0 {
		at, _ = c.csv.FieldPos(0)
	}
	if err == nil && c.columns == nil {
		if c.columns, err = parseHeader(fields); err != nil {
			c.failed = err
		}
		return err
	}
	var rec Record
	if err == nil {
		rec, err = record(c.columns, fields)
	}
	if err != nil {
		var parse *csv.ParseError
		if errors.As(err, &parse) {
			at = parse.StartLine
		}
		c.refuse(at, &lineError{err})
		return nil
	}
	c.put(at, rec)
	return nil
}

// row reads the fields of the next line; what may be wrong with that line alone
// is an ErrLine.
func (c *CSVReader) row() ([]string, error) {
	c.in.renew()
	fields, err := c.csv.Read()
	var parse *csv.ParseError
	switch {
	case errors.As(err, &parse):
		if c.columns == nil {
			return nil, fmt.Errorf("the first line does not name columns: %w", parse.Err)
		}
		return fields, &lineError{parse}
	case err != nil:
		return nil, err
	}
	for _, f := range fields {
		if !utf8.ValidString(f) {
			if c.columns == nil {
				return nil, fmt.Errorf("the first line %w", errUTF8)
			}
			return fields, refused("a field %w", errUTF8)
		}
	}
	return fields, nil
}

// budget bounds what is read for one record.
type budget struct {
	r     io.Reader
	left  int
	total int64
}

// readAhead is what buffers may take beyond a record.
const readAhead = 256 << 10

func (b *budget) renew() { b.left = MaxLine + readAhead }

// Read implements io.Reader.
func (b *budget) Read(p []byte) (int, error) {
	if b.total == 0 && b.left == 0 {
		b.renew()
	}
	if b.left <= 0 {
		return 0, fmt.Errorf("a record is longer than %d bytes: is a quote or a bracket not closed?", MaxLine)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	b.total += int64(n)
	return n, err
}
