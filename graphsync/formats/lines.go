package formats

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// Lines reads the lines of a text one at a time, in bounded memory.
type Lines struct {
	r     *bufio.Reader
	line  int
	bytes int64
	long  []byte
}

// NewLines returns a reader of lines.
func NewLines(r io.Reader) *Lines { return &Lines{r: bufio.NewReaderSize(r, 64<<10)} }

// Line is the number of the line read last, from 1.
func (l *Lines) Line() int { return l.line }

// Bytes is how much has been read, line ends included.
func (l *Lines) Bytes() int64 { return l.bytes }

var byteOrderMark = []byte("\xef\xbb\xbf")

// Next returns the next line that is not blank, without its end, valid until the
// following call. A line that is too long or not UTF-8 is an ErrLine.
func (l *Lines) Next() ([]byte, error) {
	for {
		line, err := l.read()
		if err != nil {
			return nil, err
		}
		if l.line == 1 {
			line = bytes.TrimPrefix(line, byteOrderMark)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			return line, nil
		}
	}
}

// text is Next for formats whose own grammar does not look at UTF-8.
func (l *Lines) text() ([]byte, error) {
	line, err := l.Next()
	if err == nil && !utf8.Valid(line) {
		err = refused("the line %w", errUTF8)
	}
	return line, err
}

func (l *Lines) read() ([]byte, error) {
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
		if len(l.long) > 0 {
			part = l.long
		}
		part = bytes.TrimRight(part, "\r\n")
		if tooLong || len(part) > MaxLine {
			return nil, refused("the line is longer than %d bytes", MaxLine)
		}
		return part, nil
	}
}
