package main

import (
	"bytes"
	"errors"
	"io"
)

// frame is what a client must know of a frame of meshd. Its parts are those of
// the bytes it was parsed from.
type frame struct {
	kind, id, ids, ranges, to, body, status, code, err []byte
	wait                                               bool
}

var errFrame = errors.New("a frame that is no JSON object")

// eachFrame parses the frames of a message: one, or several in an array.
func eachFrame(b []byte, do func(f *frame) error) error {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		i = 1
	}
	for {
		var f frame
		end, err := f.parse(b, i)
		if err == nil {
			err = do(&f)
		}
		if err != nil || end >= len(b) || b[end] != ',' {
			return err
		}
		i = end + 1
	}
}

// parse finds the members of the JSON object at i without judging their values,
// as a client may that trusts its node, and returns where it ends.
func (f *frame) parse(b []byte, i int) (end int, err error) {
	if i >= len(b) || b[i] != '{' {
		return 0, errFrame
	}
	for i++; i < len(b) && b[i] != '}'; {
		if b[i] == ',' {
			i++
		}
		end := skip(b, i)
		if end < i+2 || end >= len(b) || b[end] != ':' {
			return 0, errFrame
		}
		name := b[i+1 : end-1]
		i = end + 1
		if end = skip(b, i); end <= i {
			return 0, errFrame
		}
		value := b[i:end]
		i = end
		text := value
		if len(value) > 1 && value[0] == '"' {
			text = value[1 : len(value)-1]
		}
		switch string(name) {
		case "type":
			f.kind = text
		case "id":
			f.id = text
		case "ids":
			f.ids = value
		case "ranges":
			f.ranges = value
		case "to":
			f.to = text
		case "body":
			f.body = value
		case "status":
			f.status = text
		case "code":
			f.code = text
		case "error":
			f.err = text
		case "wait":
			f.wait = string(value) == "true"
		}
	}
	return i + 1, nil
}

// skip returns where the value at i ends.
func skip(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = skipText(b, i+1); depth == 0 {
				return i
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of the object around it, after a number or a word
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// skipText returns where a string ends whose quote is before i.
func skipText(b []byte, i int) int {
	for i < len(b) {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			break
		}
		i += n + 1
		slashes := 0
		for b[i-2-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}

// eachID calls do for each number that ids and ranges name.
func (f *frame) eachID(do func(uint64)) {
	next := func(b []byte) (n uint64, rest []byte) {
		for len(b) > 0 && (b[0] < '0' || b[0] > '9') {
			b = b[1:]
		}
		for len(b) > 0 && b[0] >= '0' && b[0] <= '9' {
			n, b = n*10+uint64(b[0]-'0'), b[1:]
		}
		return n, b
	}
	for n, b := next(f.ids); n > 0; n, b = next(b) {
		do(n)
	}
	for first, b := next(f.ranges); first > 0; first, b = next(b) {
		var last uint64
		last, b = next(b)
		for ; first <= last; first++ {
			do(first)
		}
	}
}

// readAll reads into buf, which grows.
func readAll(r io.Reader, buf []byte) ([]byte, error) {
	if cap(buf) == 0 {
		buf = make([]byte, 0, 1024)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
