package formats

import (
	"encoding/json"
	"io"
)

// jsonldWriter writes one document: a context, and a graph of one node object
// per record, a line each. None of the context's terms can begin a compact IRI,
// so that keys of any form stay what they are.
type jsonldWriter struct{ more bool }

func newJSONLDWriter(w io.Writer) io.WriteCloser { return newSplitter(w, &jsonldWriter{}) }

// jsonldTerms are the names in the documents for IRIs, with what their values are.
var jsonldTerms = []struct{ name, iri, typ string }{
	{"label", pLabel, ""}, {"properties", pProperties, "@json"}, {"alias", pAlias, ""}, {"expires_at", pExpires, tTime},
	{"source", pSubject, "@id"}, {"relation", pRelation, "@id"}, {"target", pObject, "@id"},
	{"weight", pWeight, tDouble}, {"predicate", pPredicate, ""}, {"parallel", pParallel, tInteger},
	{"valid_from", pFrom, tTime}, {"valid_to", pTo, tTime}, {"provenance", pProvenance, ""}, {"confidence", pConfidence, tDouble},
	{"about", pAbout, "@id"}, {"model", pModel, ""},
}

func (j *jsonldWriter) begin(b []byte) []byte {
	b = append(b, `{"@context":{`...)
	for i, t := range jsonldTerms {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, "\n  "...)
		b = append(appendQuoted(b, t.name), `:{"@id":`...)
		b = appendQuoted(b, t.iri)
		if t.typ != "" {
			b = appendQuoted(append(b, `,"@type":`...), t.typ)
		}
		b = append(b, '}')
	}
	return append(b, "},\n\"@graph\":["...)
}

func (j *jsonldWriter) record(b []byte, r *Record) ([]byte, error) {
	if j.more {
		b = append(b, ',')
	}
	j.more = true
	d := describe(r)
	b = append(b, "\n{"...)
	if d.subject.kind == iri {
		b = append(appendQuoted(append(b, `"@id":`...), d.subject.value), ',')
	}
	for i := 0; i < len(d.list); i++ {
		if i > 0 {
			b = append(b, ',')
		}
		p := d.list[i].p.value
		name, typ := p, ""
		for _, t := range jsonldTerms {
			if t.iri == p {
				name, typ = t.name, t.typ
			}
		}
		if p == pType {
			name, typ = "@type", "@id"
		}
		b = append(appendQuoted(b, name), ':')
		several := i+1 < len(d.list) && d.list[i+1].p.value == p
		if several {
			b = append(b, '[')
		}
		for {
			b = appendValue(b, &d.list[i].o, typ)
			if i+1 >= len(d.list) || d.list[i+1].p.value != p {
				break
			}
			b = append(b, ',')
			i++
		}
		if several {
			b = append(b, ']')
		}
	}
	return append(b, '}'), nil
}

// appendValue writes an object of a statement under a term of some type.
func appendValue(b []byte, o *term, typ string) []byte {
	switch {
	case o.kind == iri && typ == "@id":
		return appendQuoted(b, o.value)
	case o.kind == iri:
		return append(appendQuoted(append(b, `{"@id":`...), o.value), '}')
	case o.datatype == tJSON && typ == "@json":
		return append(b, o.value...)
	case o.datatype == tJSON:
		return append(append(append(b, `{"@type":"@json","@value":`...), o.value...), '}')
	case (typ == tDouble || typ == tInteger) && json.Valid([]byte(o.value)):
		return append(b, o.value...)
	}
	return appendQuoted(b, o.value)
}

func (j *jsonldWriter) end(b []byte) ([]byte, error) { return append(b, "\n]}\n"...), nil }
