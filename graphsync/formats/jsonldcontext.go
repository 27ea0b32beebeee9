package formats

import (
	"errors"
	"fmt"
	"strings"
)

// ldContext is the part of a JSON-LD context that is understood. It is not
// changed once made.
type ldContext struct {
	terms           map[string]ldTerm
	vocab, language string
	base            string
}

type ldTerm struct {
	iri    string
	typ    string // "@id", "@vocab", "@json", or a datatype
	lang   *string
	prefix bool
}

const maxTerms = 10_000

var errContext = errors.New("a @context that is an address is not fetched: put the context itself into the file")

// with returns the context changed by a "@context".
func (c *ldContext) with(v any) (*ldContext, error) {
	switch v := v.(type) {
	case nil:
		return &ldContext{}, nil
	case string:
		return nil, errContext
	case []any:
		for _, one := range v {
			if _, deeper := one.([]any); deeper {
				return nil, errors.New("a @context is a list of lists")
			}
			var err error
			if c, err = c.with(one); err != nil {
				return nil, err
			}
		}
		return c, nil
	case map[string]any:
		return c.extended(v)
	}
	return nil, errors.New("a @context is neither an object nor a list of them")
}

func (c *ldContext) extended(v map[string]any) (*ldContext, error) {
	out := &ldContext{terms: make(map[string]ldTerm, len(c.terms)+len(v)), vocab: c.vocab, language: c.language, base: c.base}
	for name, t := range c.terms {
		out.terms[name] = t
	}
	if len(out.terms)+len(v) > maxTerms {
		return nil, fmt.Errorf("a @context has more than %d terms", maxTerms)
	}
	for name, def := range v {
		text, isText := def.(string)
		switch name {
		case "@version", "@protected", "@direction":
		case "@vocab", "@base", "@language":
			if !isText && def != nil {
				return nil, fmt.Errorf("%s must be a text", name)
			}
			switch name {
			case "@vocab":
				out.vocab = text
			case "@base":
				out.base = text
			default:
				out.language = text
			}
		case "@import", "@propagate":
			return nil, fmt.Errorf("%s is not understood", name)
		default:
			if err := out.define(name, def); err != nil {
				return nil, fmt.Errorf("the term %.80q: %w", name, err)
			}
		}
	}
	out.resolve()
	return out, nil
}

func (c *ldContext) define(name string, def any) error {
	switch def := def.(type) {
	case nil:
		delete(c.terms, name)
	case string:
		// RFC-like rule of JSON-LD 1.1: a prefix is a simple term that ends as one.
		c.terms[name] = ldTerm{iri: def, prefix: def != "" && strings.ContainsRune(":/?#[]@_-", rune(def[len(def)-1]))}
	case map[string]any:
		t := ldTerm{}
		for member, v := range def {
			text, isText := v.(string)
			switch member {
			case "@id":
				t.iri = text
			case "@type":
				t.typ = text
			case "@language":
				t.lang = &text
			case "@prefix":
				t.prefix, _ = v.(bool)
			case "@container", "@protected":
				continue
			default:
				return fmt.Errorf("%s is not understood", member)
			}
			if !isText && v != nil && member != "@prefix" {
				return fmt.Errorf("%s must be a text", member)
			}
		}
		c.terms[name] = t
	default:
		return errors.New("is defined by neither a text nor an object")
	}
	return nil
}

// resolve expands the IRIs of terms by other terms, a few times over, since they
// may be defined in any order.
func (c *ldContext) resolve() {
	for range 4 {
		changed := false
		for name, t := range c.terms {
			iri := t.iri
			if iri == "" {
				iri = name
			}
			full := iri
			if prefix, rest, ok := strings.Cut(iri, ":"); ok && prefix != name {
				full = c.compact(prefix, rest, iri)
			} else if !ok && !strings.HasPrefix(iri, "@") {
				full = c.vocab + iri
			}
			if full != t.iri {
				t.iri, changed = full, true
				c.terms[name] = t
			}
		}
		if !changed || c.vocab != "" {
			return
		}
	}
}

func (c *ldContext) compact(prefix, rest, whole string) string {
	if t, ok := c.terms[prefix]; ok && t.prefix && !strings.HasPrefix(rest, "//") {
		return t.iri + rest
	}
	return whole
}

// keyword is what a member's name stands for if that is a keyword, else "".
func (c *ldContext) keyword(name string) string {
	if strings.HasPrefix(name, "@") {
		return name
	}
	if t, ok := c.terms[name]; ok && strings.HasPrefix(t.iri, "@") {
		return t.iri
	}
	return ""
}

// name is the IRI of a property or a type. One that no context knows stays as
// it is instead of being dropped.
func (c *ldContext) name(s string) string {
	if t, ok := c.terms[s]; ok {
		return t.iri
	}
	if prefix, rest, ok := strings.Cut(s, ":"); ok {
		return c.compact(prefix, rest, s)
	}
	return c.vocab + s
}

// id is the IRI, or the blank node, that an "@id" names.
func (c *ldContext) id(s string) term {
	if label, ok := strings.CutPrefix(s, "_:"); ok {
		return term{kind: blank, value: label}
	}
	if prefix, rest, ok := strings.Cut(s, ":"); ok {
		return term{kind: iri, value: c.compact(prefix, rest, s)}
	}
	return term{kind: iri, value: c.base + s}
}
