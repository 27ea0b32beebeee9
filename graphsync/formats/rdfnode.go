package formats

import (
	"encoding/json"
	"errors"
	"strings"
)

// node makes a node and its edges of a group.
func (g *grouper) node(about map[string]*term) error {
	n := Node{Key: g.subject.key(), Properties: raw(about, pProperties), ExpiresAt: text(about, pExpires)}
	own, stated := false, false
	var types []string
	members := members{}
	for i := range g.list {
		p, o := g.list[i].p.value, &g.list[i].o
		switch {
		case p == pType && o.kind != literal:
			stated = true
			if n.Type, own = ownType(o.value); !own {
				types = append(types, o.value)
			}
		case p == pAlias && o.kind == literal:
			n.Aliases = append(n.Aliases, o.value)
		case p == pLabel && o.kind == literal && n.Label == "":
			stated = true
			n.Label = o.value
		case p == pProperties || p == pExpires:
		case o.kind == literal:
			stated = true
			members.add(p, o)
		}
	}
	if about[pProperties] != nil && n.Properties == nil {
		return errors.New("properties are not JSON")
	}
	switch {
	case own: // all of it, as an export has it
		g.put(g.line, Record{Node: &n})
	case stated:
		g.seen.add(n.Key)
		n.IfExists = Merge
		if n.Label == "" {
			n.Label = nameIn(about)
		}
		n.Label = cut(n.Label, maxLabel)
		if len(types) > 0 {
			n.Type = typeOf(localName(types[0]), "resource")
			members.list("@type", types)
		}
		n.Properties = members.object()
		g.put(g.line, Record{Node: &n})
	}
	g.edges()
	return nil
}

// nameIn is what common vocabularies call a label.
func nameIn(about map[string]*term) string {
	for _, p := range [...]string{"http://www.w3.org/2004/02/skos/core#prefLabel", "http://xmlns.com/foaf/0.1/name", "http://schema.org/name",
		"https://schema.org/name", "http://purl.org/dc/terms/title", "http://purl.org/dc/elements/1.1/title"} {
		if s := text(about, p); s != "" {
			return s
		}
	}
	return ""
}

func (g *grouper) edges() {
	for i := range g.list {
		st := &g.list[i]
		if st.o.kind == literal || st.p.value == pType {
			continue
		}
		e := Edge{Source: g.subject.key(), Target: st.o.key(), Told: Told{Provenance: st.graph}}
		e.Type = g.relation(&st.p, &e)
		g.put(g.line, Record{Edge: &e})
	}
}

// members collects the properties of a subject.
type members struct {
	names  []string
	values map[string][]json.RawMessage
	iris   map[string]string
}

// add takes a literal under the last part of its predicate's IRI, or all of it
// where another predicate has taken that.
func (m *members) add(p string, o *term) {
	name := localName(p)
	if other, ok := m.iris[name]; ok && other != p {
		name = p
	}
	m.put(name, p, valueOf(o))
}

func (m *members) put(name, p string, v json.RawMessage) {
	if m.values == nil {
		m.values, m.iris = map[string][]json.RawMessage{}, map[string]string{}
	}
	if _, ok := m.values[name]; !ok {
		m.names = append(m.names, name)
		m.iris[name] = p
	}
	m.values[name] = append(m.values[name], v)
}

func (m *members) list(name string, texts []string) {
	for _, s := range texts {
		m.put(name, name, appendQuoted(nil, s))
	}
}

func (m *members) object() json.RawMessage {
	if len(m.names) == 0 {
		return nil
	}
	b := []byte{'{'}
	for i, name := range m.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, name), ':')
		values := m.values[name]
		if len(values) == 1 {
			b = append(b, values[0]...)
			continue
		}
		b = append(b, '[')
		for k, v := range values {
			if k > 0 {
				b = append(b, ',')
			}
			b = append(b, v...)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// valueOf is a literal as JSON: numbers, truth values and JSON as such, other
// types and languages as JSON-LD's value objects.
func valueOf(o *term) json.RawMessage {
	switch local, xsd := cutPrefix(o.datatype, xsdIRI); {
	case o.lang != "":
		return object("@language", o.lang, o.value)
	case o.datatype == "" || o.datatype == tString:
		return appendQuoted(nil, o.value)
	case o.datatype == tJSON && json.Valid([]byte(o.value)):
		return json.RawMessage(o.value)
	case o.datatype == tBoolean && (o.value == "true" || o.value == "false"):
		return json.RawMessage(o.value)
	case xsd && hasWord(" integer int long short byte decimal double float nonNegativeInteger positiveInteger nonPositiveInteger negativeInteger unsignedLong unsignedInt unsignedShort unsignedByte ", local):
		if n, err := number(o.value); err == nil {
			return n
		}
	}
	return object("@type", o.datatype, o.value)
}

func object(name, what, value string) json.RawMessage {
	b := appendQuoted(append(appendQuoted([]byte{'{'}, name), ':'), what)
	b = appendQuoted(append(b, `,"@value":`...), value)
	return append(b, '}')
}

func hasWord(list, word string) bool { return strings.Contains(list, " "+word+" ") }
