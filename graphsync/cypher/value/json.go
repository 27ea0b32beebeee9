package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxJSONDepth is how deep JSON from outside may be nested.
const MaxJSONDepth = 200

// FromJSON reads one JSON value, as that of a parameter. A number without
// fraction and exponent is an integer and must fit into 64 bits; any other is a
// float. Names must not be repeated in an object.
func FromJSON(text []byte) (Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readJSON(dec, 0)
	if err != nil {
		return Null, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Null, fmt.Errorf("there is more than one JSON value")
	}
	return v, nil
}

func readJSON(dec *jsontext.Decoder, depth int) (Value, error) {
	if depth > MaxJSONDepth {
		return Null, fmt.Errorf("the JSON is nested more than %d levels deep", MaxJSONDepth)
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return Null, fmt.Errorf("no JSON: %w", err)
	}
	switch tok.Kind() {
	case 't', 'f':
		return Bool(tok.Bool()), nil
	case '"':
		return String(tok.String()), nil
	case '0':
		return jsonNumber(tok.String())
	case '[':
		var list []Value
		for dec.PeekKind() != ']' {
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return Null, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return List(list), err
	case '{':
		m := Map{}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return Null, fmt.Errorf("no JSON: %w", err)
			}
			key := name.String()
			if m[key], err = readJSON(dec, depth+1); err != nil {
				return Null, err
			}
		}
		_, err := dec.ReadToken()
		return MapOf(m), err
	}
	return Null, nil
}

func jsonNumber(text string) (Value, error) {
	for i := range len(text) {
		if text[i] == '.' || text[i]|0x20 == 'e' {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Null, fmt.Errorf("the number %s does not fit into a float of 64 bits", shown(text))
			}
			return Float(f), nil
		}
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Null, fmt.Errorf("the number %s does not fit into an integer of 64 bits", shown(text))
	}
	return Int(i), nil
}

// shown is a text from outside, short enough for a sentence.
func shown(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}

// FromGo turns what encoding/json decodes to, and Go's own integers, into a value.
func FromGo(x any) (Value, error) { return fromGo(x, 0) }

func fromGo(x any, depth int) (Value, error) {
	if depth > MaxJSONDepth {
		return Null, fmt.Errorf("the value is nested more than %d levels deep", MaxJSONDepth)
	}
	switch x := x.(type) {
	case nil:
		return Null, nil
	case Value:
		return x, nil
	case bool:
		return Bool(x), nil
	case int:
		return Int(int64(x)), nil
	case int64:
		return Int(x), nil
	case uint64:
		if x > math.MaxInt64 {
			return Null, fmt.Errorf("the number %d does not fit into an integer of 64 bits", x)
		}
		return Int(int64(x)), nil
	case float64:
		return Float(x), nil
	case string:
		return String(x), nil
	case json.Number:
		return jsonNumber(x.String())
	case []string:
		list := make([]Value, len(x))
		for i := range x {
			list[i] = String(x[i])
		}
		return List(list), nil
	case []any:
		list := make([]Value, len(x))
		for i := range x {
			var err error
			if list[i], err = fromGo(x[i], depth+1); err != nil {
				return Null, err
			}
		}
		return List(list), nil
	case map[string]any:
		m := make(Map, len(x))
		for k := range x {
			v, err := fromGo(x[k], depth+1)
			if err != nil {
				return Null, err
			}
			m[k] = v
		}
		return MapOf(m), nil
	}
	return Null, fmt.Errorf("a %T is no value of a query", x)
}

// AppendJSON writes v as JSON. Nodes, relationships and paths are objects with
// their parts; temporal values are their text. A float always has a point or an
// exponent; those that JSON does not have are the texts NaN, Infinity and
// -Infinity.
func AppendJSON(dst []byte, v Value, r Resolver) ([]byte, error) {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...), nil
	case KindBool:
		return strconv.AppendBool(dst, v.AsBool()), nil
	case KindInt:
		return strconv.AppendInt(dst, v.AsInt(), 10), nil
	case KindFloat:
		if f := v.AsFloat(); math.IsNaN(f) || math.IsInf(f, 0) {
			return append(appendNumber(append(dst, '"'), v), '"'), nil
		}
		return appendNumber(dst, v), nil
	case KindString:
		return appendJSONText(dst, v.AsString()), nil
	case KindList:
		return appendJSONList(dst, v.AsList(), r)
	case KindMap:
		return appendJSONMap(dst, v.AsMap(), r)
	case KindNode:
		return appendJSONNode(dst, v.AsNode(), r)
	case KindRel:
		return appendJSONRel(dst, v.AsRel(), r)
	case KindPath:
		return appendJSONPath(dst, v.AsPath(), r)
	}
	return appendJSONText(dst, TemporalText(v)), nil
}

// appendJSONText replaces what is no UTF-8.
func appendJSONText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // the error says that something was replaced
	return dst
}

func appendJSONList(dst []byte, list []Value, r Resolver) ([]byte, error) {
	dst = append(dst, '[')
	var err error
	for i, x := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = AppendJSON(dst, x, r); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendJSONMap(dst []byte, m Map, r Resolver) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i, k := range sortedKeys(m) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendJSONText(dst, k), ':')
		if dst, err = AppendJSON(dst, m[k], r); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func appendJSONNode(dst []byte, id uint64, r Resolver) ([]byte, error) {
	labels, props, err := r.NodeParts(id)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendUint(append(dst, `{"id":`...), id, 10)
	dst = append(dst, `,"labels":[`...)
	for i, l := range labels {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendJSONText(dst, l)
	}
	dst, err = appendJSONMap(append(dst, `],"properties":`...), props, r)
	return append(dst, '}'), err
}

func appendJSONRel(dst []byte, rel *Rel, r Resolver) ([]byte, error) {
	props, err := r.RelParts(rel)
	if err != nil {
		return dst, err
	}
	dst = strconv.AppendUint(append(dst, `{"id":`...), rel.ID, 10)
	dst = appendJSONText(append(dst, `,"type":`...), rel.Type)
	dst = strconv.AppendUint(append(dst, `,"source_id":`...), rel.From, 10)
	dst = strconv.AppendUint(append(dst, `,"target_id":`...), rel.To, 10)
	dst, err = appendJSONMap(append(dst, `,"properties":`...), props, r)
	return append(dst, '}'), err
}

func appendJSONPath(dst []byte, p *Path, r Resolver) ([]byte, error) {
	dst = append(dst, `{"nodes":[`...)
	var err error
	for i, id := range p.Nodes {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSONNode(dst, id, r); err != nil {
			return dst, err
		}
	}
	dst = append(dst, `],"relationships":[`...)
	for i, rel := range p.Rels {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSONRel(dst, rel, r); err != nil {
			return dst, err
		}
	}
	return append(dst, "]}"...), nil
}
