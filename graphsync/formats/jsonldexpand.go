package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// expander turns a node object and those within it into statements.
type expander struct {
	j    *JSONLDReader
	list []statement
}

// maxNesting bounds node objects within node objects.
const maxNesting = 64

var errNesting = fmt.Errorf("objects are nested deeper than %d levels", maxNesting)

// node returns the subject of a node object, whose statements it takes; those
// of inner objects follow those of the outer.
func (x *expander) node(o map[string]any, ctx *ldContext, depth int) (term, error) {
	if depth > maxNesting {
		return term{}, errNesting
	}
	if c, ok := o["@context"]; ok {
		var err error
		if ctx, err = ctx.with(c); err != nil {
			return term{}, err
		}
	}
	subject := term{}
	names := make([]string, 0, len(o))
	for name, v := range o {
		names = append(names, name)
		if ctx.keyword(name) == "@id" {
			id, ok := v.(string)
			if !ok {
				return term{}, errors.New("@id must be a text")
			}
			subject = ctx.id(id)
		}
	}
	if subject.kind == 0 {
		x.j.blanks++
		subject = term{kind: blank, value: "n" + strconv.Itoa(x.j.blanks)}
	}
	if subject.value == "" {
		return term{}, errors.New("@id is empty")
	}
	slices.Sort(names) // the order of members says nothing
	var inner []statement
	for _, name := range names {
		v := o[name]
		switch key := ctx.keyword(name); key {
		case "@id", "@context", "@index":
		case "@type":
			for _, typ := range ctx.listOf(v) {
				s, ok := typ.(string)
				if !ok {
					return term{}, errors.New("@type must be a text or a list of texts")
				}
				x.say(subject, pType, term{kind: iri, value: ctx.name(s)})
			}
		case "":
			p := ctx.name(name)
			if p == "" {
				continue
			}
			t := ctx.terms[name]
			if t.typ == "@json" {
				text, err := json.Marshal(v)
				if err != nil {
					return term{}, err
				}
				x.say(subject, p, term{kind: literal, value: string(text), datatype: tJSON})
				continue
			}
			for _, one := range ctx.listOf(v) {
				at := len(x.list)
				obj, err := x.value(one, ctx, &t, depth+1)
				if err != nil {
					return term{}, err
				}
				inner = append(inner, x.list[at:]...)
				x.list = x.list[:at]
				if obj.kind != 0 {
					x.say(subject, p, obj)
				}
			}
		default:
			return term{}, fmt.Errorf("%.40s is not understood", key)
		}
		if len(x.list)+len(inner) > MaxLine/64 {
			return term{}, errors.New("an object says too much at once")
		}
	}
	x.list = append(x.list, inner...)
	return subject, nil
}

// listOf is one value as a list of one, and what is in a list or a set.
func (c *ldContext) listOf(v any) []any {
	if o, ok := v.(map[string]any); ok && len(o) == 1 {
		for name, inner := range o {
			if key := c.keyword(name); key == "@list" || key == "@set" {
				v = inner
			}
		}
	}
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func (x *expander) say(s term, p string, o term) {
	x.list = append(x.list, statement{s: s, p: term{kind: iri, value: p}, o: o})
}

// value is the object of a statement; kind 0 is none.
func (x *expander) value(v any, ctx *ldContext, t *ldTerm, depth int) (term, error) {
	switch v := v.(type) {
	case nil:
		return term{}, nil
	case bool:
		return term{kind: literal, value: strconv.FormatBool(v), datatype: tBoolean}, nil
	case json.Number:
		if t.typ != "" && t.typ[0] != '@' {
			return term{kind: literal, value: v.String(), datatype: ctx.name(t.typ)}, nil
		}
		return numberTerm(v), nil
	case string:
		return x.text(v, ctx, t), nil
	case []any:
		return term{}, errors.New("a list within a list is not understood")
	case map[string]any:
		return x.inner(v, ctx, t, depth)
	}
	return term{}, errors.New("a value is of no known kind")
}

func numberTerm(v json.Number) term {
	if strings.ContainsAny(v.String(), ".eE") {
		return term{kind: literal, value: v.String(), datatype: tDouble}
	}
	return term{kind: literal, value: v.String(), datatype: tInteger}
}

func (x *expander) text(s string, ctx *ldContext, t *ldTerm) term {
	switch {
	case t.typ == "@id":
		return ctx.id(s)
	case t.typ == "@vocab":
		return term{kind: iri, value: ctx.name(s)}
	case t.typ != "" && t.typ[0] != '@':
		return term{kind: literal, value: s, datatype: ctx.name(t.typ)}
	case t.lang != nil:
		return term{kind: literal, value: s, lang: *t.lang}
	}
	return term{kind: literal, value: s, lang: ctx.language}
}

// inner is a value object, a list or set, or another node object.
func (x *expander) inner(o map[string]any, ctx *ldContext, t *ldTerm, depth int) (term, error) {
	members := map[string]any{}
	for name, v := range o {
		if key := ctx.keyword(name); key != "" {
			members[key] = v
		}
	}
	for _, key := range []string{"@list", "@set"} {
		if _, ok := members[key]; ok {
			return term{}, fmt.Errorf("%s is not understood here", key)
		}
	}
	v, ok := members["@value"]
	if !ok {
		return x.node(o, ctx, depth)
	}
	typ, _ := members["@type"].(string)
	lang, _ := members["@language"].(string)
	if typ == "@json" {
		text, err := json.Marshal(v)
		return term{kind: literal, value: string(text), datatype: tJSON}, err
	}
	out := term{kind: literal, lang: lang}
	if typ != "" {
		out.datatype = ctx.name(typ)
	}
	switch v := v.(type) {
	case string:
		out.value = v
	case bool:
		out.value = strconv.FormatBool(v)
		if typ == "" {
			out.datatype = tBoolean
		}
	case json.Number:
		if out.value = v.String(); typ == "" {
			out.datatype = numberTerm(v).datatype
		}
	case nil:
		return term{}, nil
	default:
		return term{}, errors.New("@value must be a text, a number or a truth value")
	}
	return out, nil
}
