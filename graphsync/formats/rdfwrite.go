package formats

import (
	"encoding/json"
	"strconv"
)

// described is a subject and what is said of it, as an export to RDF has it. A
// subject of no name is a blank node.
type described struct {
	subject term
	list    []statement
}

func (d *described) add(p string, o term) {
	d.list = append(d.list, statement{s: d.subject, p: term{kind: iri, value: p}, o: o})
}

func (d *described) text(p, s, datatype string) {
	if s != "" {
		d.add(p, term{kind: literal, value: s, datatype: datatype})
	}
}

func (d *described) json(p string, v json.RawMessage) { d.text(p, string(v), tJSON) }

func (d *described) told(t *Told) {
	d.text(pFrom, t.ValidFrom, tTime)
	d.text(pTo, t.ValidTo, tTime)
	d.text(pProvenance, t.Provenance, "")
	d.text(pConfidence, t.Confidence.String(), tDouble)
	d.text(pExpires, t.ExpiresAt, tTime)
}

func typeTerm(typ string) term { return term{kind: iri, value: typeIRI + typ} }

// describe says a record in RDF. An edge that says no more than that it is there
// is one statement; any other is described by RDF's reification, which alone
// does not state the edge.
func describe(r *Record) (d described) {
	switch {
	case r.Node != nil:
		n := r.Node
		d.subject = nodeTerm(n.Key)
		d.add(pType, typeTerm(n.Type))
		d.text(pLabel, n.Label, "")
		d.json(pProperties, n.Properties)
		for _, a := range n.Aliases {
			d.text(pAlias, a, "")
		}
		d.text(pExpires, n.ExpiresAt, tTime)
	case r.Edge != nil:
		e := r.Edge
		if e.plain() {
			d.subject = nodeTerm(e.Source)
			d.add(typeIRI+e.Type, nodeTerm(e.Target))
			return d
		}
		d.subject.kind = blank
		d.add(pSubject, nodeTerm(e.Source))
		d.add(pRelation, typeTerm(e.Type))
		d.add(pObject, nodeTerm(e.Target))
		d.text(pWeight, e.Weight.String(), tDouble)
		d.text(pPredicate, e.Predicate, "")
		d.json(pProperties, e.Properties)
		if e.Parallel > 0 {
			d.text(pParallel, strconv.FormatUint(uint64(e.Parallel), 10), tInteger)
		}
		d.told(&e.Told)
	case r.Observation != nil:
		o := r.Observation
		d.subject.kind = blank
		d.add(pType, term{kind: iri, value: tObservation})
		d.add(pAbout, nodeTerm(o.Node))
		d.text(pValue, o.Text, "")
		d.json(pProperties, o.Properties)
		d.told(&o.Told)
	case r.Vector != nil:
		d.subject.kind = blank
		d.add(pType, term{kind: iri, value: tVector})
		d.add(pAbout, nodeTerm(r.Vector.Node))
		d.text(pModel, r.Vector.Model, "")
		d.json(pValue, r.Vector.Vector)
	}
	return d
}

func (e *Edge) plain() bool {
	return e.Weight == "" && e.Predicate == "" && len(e.Properties) == 0 && e.Parallel == 0 && e.Told == Told{}
}
