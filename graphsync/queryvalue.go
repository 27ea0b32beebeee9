package graphsync

import (
	"bytes"
	"strconv"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

// Properties are JSON: a number without point or exponent that fits is an
// Integer of the query language, every other number a Float.

// queryMap turns a canonical JSON object into a map value.
func queryMap(props []byte) (value.Map, error) {
	out := value.Map{}
	if len(props) == 0 {
		return out, nil
	}
	r := jsonValues{b: props}
	v := r.value()
	if r.bad || r.pos != len(props) || v.Kind() != value.KindMap {
		return nil, errRecord
	}
	return v.AsMap(), nil
}

// shortTexts are texts that were met, so that those which many nodes have are made
// once. Each has one place, which the next takes over.
type shortTexts [256]string

// maxShortText is the longest that is kept.
const maxShortText = 48

func (t *shortTexts) of(b []byte) string {
	if t == nil || len(b) == 0 || len(b) > maxShortText {
		return string(b)
	}
	n := len(b)
	at := &t[(n*31+int(b[0])*7+int(b[n/2])*17+int(b[n-1])*3)%len(t)]
	if *at != string(b) {
		*at = string(b)
	}
	return *at
}

// queryMember returns one member of a canonical JSON object; the others are
// passed over. Texts may be nil.
func queryMember(props []byte, name string, texts *shortTexts) (value.Value, error) {
	if len(props) == 0 {
		return value.Null, nil
	}
	r := jsonValues{b: props, pos: 1, texts: texts}
	for !r.bad && r.pos < len(props)-1 {
		from := r.pos
		r.pos = skipString(props, from)
		if !r.next(':') {
			break
		}
		if spelled(props[from:r.pos-1], name) {
			v := r.value()
			if r.bad {
				return value.Null, errRecord
			}
			return v, nil
		}
		r.skip()
		if r.pos < len(props)-1 && !r.next(',') {
			break
		}
	}
	if r.bad || r.pos != len(props)-1 {
		return value.Null, errRecord
	}
	return value.Null, nil
}

// spelled compares a JSON string with its quotes to a text.
func spelled(quoted []byte, s string) bool {
	if len(quoted) < 2 {
		return false
	}
	in := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(in, '\\') < 0 {
		return string(in) == s
	}
	text, err := unquote(quoted)
	return err == nil && text == s
}

// jsonValues reads canonical JSON, which was checked when it was written; what
// is not as it should be is bad, never a panic.
type jsonValues struct {
	b     []byte
	pos   int
	bad   bool
	texts *shortTexts
}

func (r *jsonValues) next(c byte) bool {
	if r.pos < len(r.b) && r.b[r.pos] == c {
		r.pos++
		return true
	}
	r.bad = true
	return false
}

func (r *jsonValues) peek() byte {
	if r.pos < len(r.b) {
		return r.b[r.pos]
	}
	r.bad = true
	return 0
}

func (r *jsonValues) value() value.Value {
	switch r.peek() {
	case '{':
		return value.MapOf(r.object())
	case '[':
		return value.List(r.array())
	case '"':
		return value.String(r.text())
	case 't':
		r.word("true")
		return value.Bool(true)
	case 'f':
		r.word("false")
		return value.Bool(false)
	case 'n':
		r.word("null")
		return value.Null
	}
	return r.number()
}

func (r *jsonValues) word(w string) {
	if !bytes.HasPrefix(r.b[r.pos:], []byte(w)) {
		r.bad = true
		return
	}
	r.pos += len(w)
}

func (r *jsonValues) number() value.Value {
	from, float := r.pos, false
	for r.pos < len(r.b) {
		c := r.b[r.pos]
		if c == '.' || c == 'e' || c == 'E' {
			float = true
		} else if (c < '0' || c > '9') && c != '-' && c != '+' {
			break
		}
		r.pos++
	}
	text := string(r.b[from:r.pos])
	if !float {
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return value.Int(i)
		}
	}
	f, err := strconv.ParseFloat(text, 64)
	r.bad = r.bad || err != nil
	return value.Float(f)
}

func (r *jsonValues) text() string {
	from := r.pos
	r.pos = skipString(r.b, from)
	quoted := r.b[from:r.pos]
	if n := len(quoted); n >= 2 && quoted[n-1] == '"' && bytes.IndexByte(quoted, '\\') < 0 {
		return r.texts.of(quoted[1 : n-1])
	}
	text, err := unquote(quoted)
	r.bad = r.bad || err != nil
	return text
}

func (r *jsonValues) array() []value.Value {
	list := []value.Value{}
	r.pos++
	for first := true; !r.bad && r.peek() != ']'; first = false {
		if !first && !r.next(',') {
			break
		}
		list = append(list, r.value())
	}
	r.pos++
	return list
}

func (r *jsonValues) object() value.Map {
	m := value.Map{}
	r.pos++
	for first := true; !r.bad && r.peek() != '}'; first = false {
		if !first && !r.next(',') {
			break
		}
		if r.peek() != '"' {
			r.bad = true
			break
		}
		name := r.text()
		if !r.next(':') {
			break
		}
		m[name] = r.value()
	}
	r.pos++
	return m
}

// skip passes over a value.
func (r *jsonValues) skip() {
	for depth := 0; r.pos < len(r.b); {
		c := r.b[r.pos]
		if depth == 0 && (c == ',' || c == '}') {
			return
		}
		switch c {
		case '"':
			r.pos = skipString(r.b, r.pos)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		r.pos++
	}
}
