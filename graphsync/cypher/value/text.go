package value

import (
	"math"
	"strconv"
)

// Resolver reads what a node or a relationship is made of.
type Resolver interface {
	NodeParts(id uint64) (labels []string, props Map, err error)
	RelParts(r *Rel) (props Map, err error)
}

// Format writes v in openCypher's own notation: 'text', 1.0, [1, 2], {a: 1},
// (:A {name: 'x'}), [:T {x: 1}], <(:A)-[:T]->(:B)>, and temporal values as text.
// Without a resolver, or where it fails, nodes and relationships are ids: (#1).
func Format(v Value, r Resolver) string { return string(AppendText(nil, v, r)) }

// AppendText appends what Format gives.
func AppendText(dst []byte, v Value, r Resolver) []byte {
	switch v.kind {
	case KindNull:
		return append(dst, "null"...)
	case KindBool:
		return strconv.AppendBool(dst, v.AsBool())
	case KindInt, KindFloat:
		return appendNumber(dst, v)
	case KindString:
		return appendQuoted(dst, v.AsString())
	case KindList:
		dst = append(dst, '[')
		for i, x := range v.AsList() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendText(dst, x, r)
		}
		return append(dst, ']')
	case KindMap:
		return appendMapText(dst, v.AsMap(), r)
	case KindNode:
		return appendNodeText(dst, v.AsNode(), r)
	case KindRel:
		return appendRelText(dst, v.AsRel(), r)
	case KindPath:
		return appendPathText(dst, v.AsPath(), r)
	}
	return appendQuoted(dst, TemporalText(v))
}

func appendMapText(dst []byte, m Map, r Resolver) []byte {
	dst = append(dst, '{')
	for i, k := range sortedKeys(m) {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendName(dst, k)
		dst = append(dst, ": "...)
		dst = AppendText(dst, m[k], r)
	}
	return append(dst, '}')
}

func appendNodeText(dst []byte, id uint64, r Resolver) []byte {
	dst = append(dst, '(')
	labels, props, ok := nodeParts(id, r)
	if !ok {
		dst = strconv.AppendUint(append(dst, '#'), id, 10)
		return append(dst, ')')
	}
	for _, l := range labels {
		dst = appendName(append(dst, ':'), l)
	}
	if len(props) > 0 {
		if len(labels) > 0 {
			dst = append(dst, ' ')
		}
		dst = appendMapText(dst, props, r)
	}
	return append(dst, ')')
}

func appendRelText(dst []byte, rel *Rel, r Resolver) []byte {
	dst = appendName(append(dst, "[:"...), rel.Type)
	if r == nil {
		dst = strconv.AppendUint(append(dst, " #"...), rel.ID, 10)
	} else if props, err := r.RelParts(rel); err != nil {
		dst = strconv.AppendUint(append(dst, " #"...), rel.ID, 10)
	} else if len(props) > 0 {
		dst = appendMapText(append(dst, ' '), props, r)
	}
	return append(dst, ']')
}

func appendPathText(dst []byte, p *Path, r Resolver) []byte {
	dst = append(dst, '<')
	for i, id := range p.Nodes {
		dst = appendNodeText(dst, id, r)
		if i >= len(p.Rels) {
			continue
		}
		rel := p.Rels[i]
		if rel.From == id {
			dst = append(appendRelText(append(dst, '-'), rel, r), "->"...)
		} else {
			dst = append(appendRelText(append(dst, "<-"...), rel, r), '-')
		}
	}
	return append(dst, '>')
}

func nodeParts(id uint64, r Resolver) ([]string, Map, bool) {
	if r == nil {
		return nil, nil, false
	}
	labels, props, err := r.NodeParts(id)
	return labels, props, err == nil
}

// appendNumber writes an integer, or the shortest float that reads back the same
// and can be seen to be one.
func appendNumber(dst []byte, v Value) []byte {
	if v.kind == KindInt {
		return strconv.AppendInt(dst, v.AsInt(), 10)
	}
	f := v.AsFloat()
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	if a := math.Abs(f); f != 0 && (a < 1e-6 || a >= 1e21) {
		return appendExponent(dst, f)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, b := range dst[start:] {
		if b == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendExponent leaves out the + and leading zeros that the language does not
// know in an exponent.
func appendExponent(dst []byte, f float64) []byte {
	text := strconv.FormatFloat(f, 'e', -1, 64)
	e := len(text) - 1
	for text[e] != 'e' {
		e--
	}
	exponent, err := strconv.Atoi(text[e+1:])
	if err != nil {
		panic(err) // strconv wrote it
	}
	dst = append(dst, text[:e+1]...)
	return strconv.AppendInt(dst, int64(exponent), 10)
}

func numberText(v Value) string { return string(appendNumber(nil, v)) }

func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '\'')
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '\'')
}

// appendName writes a name, in backticks where it must be.
func appendName(dst []byte, name string) []byte {
	plain := name != ""
	for i, r := range name {
		letter := r == '_' || r > 127 || (r|0x20 >= 'a' && r|0x20 <= 'z')
		if !letter && (i == 0 || r < '0' || r > '9') {
			plain = false
			break
		}
	}
	if plain {
		return append(dst, name...)
	}
	dst = append(dst, '`')
	for i := 0; i < len(name); i++ {
		if name[i] == '`' {
			dst = append(dst, '`')
		}
		dst = append(dst, name[i])
	}
	return append(dst, '`')
}
