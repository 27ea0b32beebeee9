package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Record is one import line: exactly one of its members is set. Nodes are named
// by keys throughout.
type Record struct {
	Node        *Node        `json:"node,omitempty"`
	Edge        *Edge        `json:"edge,omitempty"`
	Observation *Observation `json:"observation,omitempty"`
	Vector      *Vector      `json:"vector,omitempty"`
	// Schema is that of the namespace, an object that is passed through.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// Node is a node. Label is its key where left out; a node that is there is
// replaced unless IfExists says otherwise.
type Node struct {
	Key        string          `json:"key"`
	Type       string          `json:"type"`
	Label      string          `json:"label,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"` // an object
	Aliases    []string        `json:"aliases,omitempty"`    // are added
	ExpiresAt  string          `json:"expires_at,omitempty"`
	// IfExists is Replace (or nothing), Keep or Merge.
	IfExists string `json:"if_exists,omitempty"`
}

// What is to be done with a node that is there already.
const (
	Replace = "replace" // all of it
	Keep    = "keep"    // leave it as it is
	Merge   = "merge"   // patch its properties, and change its type and label where given
)

// Told is what a fact or an observation says of the world. Times are RFC 3339.
type Told struct {
	ValidFrom  string      `json:"valid_from,omitempty"`
	ValidTo    string      `json:"valid_to,omitempty"`
	Provenance string      `json:"provenance,omitempty"`
	Confidence json.Number `json:"confidence,omitempty"`
	ExpiresAt  string      `json:"expires_at,omitempty"`
}

// Edge is a fact. Parallel is how many edges of the same source, type and
// target come before it.
type Edge struct {
	Source     string          `json:"source"`
	Target     string          `json:"target"`
	Type       string          `json:"type"`
	Weight     json.Number     `json:"weight,omitempty"`
	Predicate  string          `json:"predicate,omitempty"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Parallel   uint32          `json:"parallel,omitempty"`
	Told
}

// Observation is a sentence about a node.
type Observation struct {
	Node       string          `json:"node"`
	Text       string          `json:"text"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Told
}

// Vector is a node's vector of one model.
type Vector struct {
	Node   string          `json:"node"`
	Model  string          `json:"model"`
	Vector json.RawMessage `json:"vector"` // a list of numbers
}

var errUTF8 = errors.New("is not valid UTF-8")

// ParseRecord reads an import line as Export writes it. Unknown members are
// errors, so that a writer never drops what it does not know.
func ParseRecord(line []byte) (Record, error) {
	var r Record
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return r, fmt.Errorf("reading an import line: %w", err)
	}
	set := 0
	for _, is := range []bool{r.Node != nil, r.Edge != nil, r.Observation != nil, r.Vector != nil, r.Schema != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return r, errors.New(`an import line has one member: "node", "edge", "observation", "vector" or "schema"`)
	}
	return r, nil
}

// AppendLine appends the record as an import line, without a line end. It does
// not look into Properties, Vector and numbers, which whoever reads the line
// checks; a text that is not UTF-8 is an error.
func (r *Record) AppendLine(b []byte) ([]byte, error) {
	l := line{b: b}
	switch {
	case r.Node != nil:
		n := r.Node
		l.open("node")
		l.text("key", n.Key)
		if n.IfExists != Merge || n.Type != "" {
			l.text("type", n.Type)
		}
		l.optional("label", n.Label)
		l.raw("properties", n.Properties)
		if len(n.Aliases) > 0 {
			l.name("aliases")
			l.b = append(l.b, '[')
			for i, a := range n.Aliases {
				if i > 0 {
					l.b = append(l.b, ',')
				}
				l.quote(a)
			}
			l.b = append(l.b, ']')
		}
		l.optional("expires_at", n.ExpiresAt)
		l.optional("if_exists", n.IfExists)
	case r.Edge != nil:
		e := r.Edge
		l.open("edge")
		l.text("source", e.Source)
		l.text("target", e.Target)
		l.text("type", e.Type)
		l.raw("weight", json.RawMessage(e.Weight))
		l.optional("predicate", e.Predicate)
		l.raw("properties", e.Properties)
		l.told(&e.Told)
		if e.Parallel > 0 {
			l.raw("parallel", strconv.AppendUint(nil, uint64(e.Parallel), 10))
		}
	case r.Observation != nil:
		o := r.Observation
		l.open("observation")
		l.text("node", o.Node)
		l.text("text", o.Text)
		l.raw("properties", o.Properties)
		l.told(&o.Told)
	case r.Vector != nil:
		l.open("vector")
		l.text("node", r.Vector.Node)
		l.text("model", r.Vector.Model)
		l.raw("vector", r.Vector.Vector)
	case r.Schema != nil:
		return append(append(append(b, `{"schema":`...), r.Schema...), '}'), nil
	default:
		return b, errors.New("an empty record")
	}
	return append(l.b, '}', '}'), l.err
}

// line is an import line being written.
type line struct {
	b    []byte
	more bool
	err  error
}

func (l *line) open(kind string) {
	l.b = append(append(append(l.b, `{"`...), kind...), `":{`...)
}

func (l *line) name(name string) {
	if l.more {
		l.b = append(l.b, ',')
	}
	l.more = true
	l.b = append(append(append(l.b, '"'), name...), '"', ':')
}

func (l *line) text(name, s string) {
	l.name(name)
	l.quote(s)
}

func (l *line) optional(name, s string) {
	if s != "" {
		l.text(name, s)
	}
}

func (l *line) raw(name string, v json.RawMessage) {
	if len(v) > 0 {
		l.name(name)
		l.b = append(l.b, v...)
	}
}

func (l *line) told(t *Told) {
	l.optional("valid_from", t.ValidFrom)
	l.optional("valid_to", t.ValidTo)
	l.optional("provenance", t.Provenance)
	l.raw("confidence", json.RawMessage(t.Confidence))
	l.optional("expires_at", t.ExpiresAt)
}

func (l *line) quote(s string) {
	if !utf8.ValidString(s) && l.err == nil {
		l.err = fmt.Errorf("a text %w", errUTF8)
	}
	l.b = appendQuoted(l.b, s)
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends a JSON string.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		out = append(out, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\n':
			out = append(out, '\\', 'n')
		case '\t':
			out = append(out, '\\', 't')
		case '\r':
			out = append(out, '\\', 'r')
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(out, s[start:]...), '"')
}
