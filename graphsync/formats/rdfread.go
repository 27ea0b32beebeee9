package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// grouper turns statements into records. It collects what is said of one subject
// without a break, at most maxGroup statements and MaxLine bytes at a time.
//
// What an export wrote comes back as it was. Other statements: a literal is a
// property, by the last part of its predicate's IRI, anything else an edge with
// the IRI as its predicate. rdfs:label gives the label, rdf:type the type and the
// property "@type", the graph's name the provenance of edges. Since more may be
// said of a subject elsewhere, its node is merged with what is there.
type grouper struct {
	*queue
	subject term
	line    int
	list    []statement
	size    int
	again   bool // the subject had statements before those in list
	seen    seen
}

const maxGroup = 1000

func (g *grouper) add(line int, st statement) {
	same := st.s.kind == g.subject.kind && st.s.value == g.subject.value
	size := len(st.p.value) + len(st.o.value) + 64
	full := len(g.list) >= maxGroup || g.size+size > MaxLine/2
	if !same || full {
		g.flush()
		g.again = same
		g.subject, g.line, g.size = st.s, line, 0
	}
	g.list = append(g.list, st)
	g.size += size
}

func (g *grouper) flush() {
	if len(g.list) == 0 {
		return
	}
	about := map[string]*term{}
	for i := range g.list {
		if p := g.list[i].p.value; about[p] == nil {
			about[p] = &g.list[i].o
		}
	}
	if err := g.records(about); err != nil {
		g.refuse(g.line, &lineError{err})
	}
	g.list = g.list[:0]
}

func (g *grouper) records(about map[string]*term) error {
	told, err := toldOf(about)
	switch {
	case err != nil:
		return err
	case about[pSubject] != nil && about[pRelation] != nil && about[pObject] != nil:
		return g.reified(about, told)
	case about[pAbout] != nil && about[pType] != nil && about[pType].value == tObservation:
		g.put(g.line, Record{Observation: &Observation{Node: about[pAbout].key(), Text: text(about, pValue), Properties: raw(about, pProperties), Told: told}})
	case about[pAbout] != nil && about[pType] != nil && about[pType].value == tVector:
		g.put(g.line, Record{Vector: &Vector{Node: about[pAbout].key(), Model: text(about, pModel), Vector: raw(about, pValue)}})
		if raw(about, pValue) == nil {
			return errors.New("a vector has no value that is JSON")
		}
	default:
		return g.node(about)
	}
	return nil
}

func text(about map[string]*term, p string) string {
	if t := about[p]; t != nil && t.kind == literal {
		return t.value
	}
	return ""
}

func raw(about map[string]*term, p string) json.RawMessage {
	if s := text(about, p); s != "" && json.Valid([]byte(s)) {
		return json.RawMessage(s)
	}
	return nil
}

func toldOf(about map[string]*term) (Told, error) {
	t := Told{ValidFrom: text(about, pFrom), ValidTo: text(about, pTo), Provenance: text(about, pProvenance), ExpiresAt: text(about, pExpires)}
	if s := text(about, pConfidence); s != "" {
		n, err := number(s)
		if err != nil {
			return t, fmt.Errorf("confidence %w", err)
		}
		t.Confidence = json.Number(n)
	}
	return t, nil
}

// reified is an edge that is described instead of stated.
func (g *grouper) reified(about map[string]*term, told Told) error {
	e := Edge{Source: about[pSubject].key(), Target: about[pObject].key(), Predicate: text(about, pPredicate), Properties: raw(about, pProperties), Told: told}
	if about[pSubject].kind == literal || about[pObject].kind == literal {
		return errors.New("a described edge has a literal for an end")
	}
	e.Type = g.relation(about[pRelation], &e)
	if s := text(about, pWeight); s != "" {
		n, err := number(s)
		if err != nil {
			return fmt.Errorf("weight %w", err)
		}
		e.Weight = json.Number(n)
	}
	if s := text(about, pParallel); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			return errors.New("parallel must be a small whole number")
		}
		e.Parallel = uint32(n)
	}
	g.put(g.line, Record{Edge: &e})
	return nil
}

// relation is the type of an edge for an IRI, which becomes its predicate where
// the type does not say all of it.
func (g *grouper) relation(p *term, e *Edge) string {
	if typ, ok := ownType(p.value); ok {
		return typ
	}
	if e.Predicate == "" {
		e.Predicate = cut(p.value, maxLabel)
	}
	for _, end := range []string{e.Source, e.Target} {
		if g.seen.add(end) {
			g.put(g.line, stub(end))
		}
	}
	return typeOf(localName(p.value), someEdge)
}

// stub is a node of which no more is known than that edges name it.
func stub(key string) Record {
	n := Node{Key: key, Type: "resource", Label: cut(localName(key), maxLabel), IfExists: Keep}
	return Record{Node: &n}
}

func ownType(iri string) (string, bool) {
	typ, ok := cutPrefix(iri, typeIRI)
	return typ, ok && isType(typ)
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return s, false
}
