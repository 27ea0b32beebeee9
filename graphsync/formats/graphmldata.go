package formats

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// key reads <key id for attr.name attr.type><default>…</default></key>.
func (g *GraphMLReader) key(t xml.StartElement) error {
	if len(g.keys) >= maxKeys {
		return fmt.Errorf("there are more than %d keys", maxKeys)
	}
	name, id := attribute(t, "attr.name"), attribute(t, "id")
	k := graphKey{domain: attribute(t, "for")}
	if name == "" {
		name = id
	}
	typ := attribute(t, "attr.type")
	if typ == "" {
		typ = "string"
	}
	k.column = column{name: name, typ: strings.ToLower(typ)}
	if f, ok := fieldNames[strings.ToLower(name)]; ok && f != "source" && f != "target" && f != "-" && !strings.EqualFold(name, "id") && !strings.HasPrefix(name, ":") {
		k.column = column{field: f}
	}
	g.depth-- // its end is read here
	for {
		t, err := g.dec.Token()
		if err != nil {
			return broken(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			text, _, err := g.content(1)
			if err != nil {
				return broken(err)
			}
			if t.Name.Local == "default" {
				k.fallback, k.set = strings.TrimSpace(text), true
			}
		case xml.Directive:
			return errors.New("a document type (<!DOCTYPE) is not taken")
		case xml.EndElement:
			g.keys[id] = k
			return nil
		}
	}
}

// data reads what is said of the innermost open node or edge, or of the graph.
func (g *GraphMLReader) data(t xml.StartElement) error {
	at := g.here()
	g.depth--
	text, label, err := g.content(1)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = broken(err)
		}
		return err
	}
	id := attribute(t, "key")
	k, known := g.keys[id]
	if len(g.open) == 0 {
		if known && k.field == "json" {
			rec, err := ParseRecord([]byte(text))
			if err != nil {
				g.refuse(at, &lineError{err})
			} else {
				g.put(at, rec)
			}
		}
		return nil
	}
	e := &g.open[len(g.open)-1]
	switch {
	case label != "": // yEd's drawing
		if what := map[string]string{"node": "label", "edge": "type"}[e.kind]; e.row.fields[what] == "" {
			e.row.fields[what] = label
		}
	case !known:
		e.fail(fmt.Errorf("data is under the key %.80q, which is not declared before", id))
	case k.field == "kind" || k.field == "json" || text == "":
	case e.given[id]:
		e.fail(fmt.Errorf("data is under the key %.80q twice", id))
	default:
		e.given[id] = true
		e.set(&k, text)
	}
	return nil
}

func (e *element) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *element) set(k *graphKey, text string) {
	if k.field == "key" { // the element's id is its key
		k.column = column{name: "key", typ: "string"}
	}
	if err := e.row.set(&k.column, text); err != nil {
		e.fail(fmt.Errorf("%.80q: %w", k.column.title(), err))
	}
}

// end takes the node or edge that ends.
func (g *GraphMLReader) end() {
	if len(g.open) == 0 {
		return
	}
	e := &g.open[len(g.open)-1]
	g.open = g.open[:len(g.open)-1]
	for id, k := range g.keys {
		if k.set && k.fallback != "" && !e.given[id] && (k.domain == e.kind || k.domain == "all" || k.domain == "") {
			e.set(&k, k.fallback)
		}
	}
	var rec Record
	if e.err == nil {
		e.row.fields["kind"] = e.kind
		rec, e.err = e.row.record(e.kind)
	}
	if e.err != nil {
		g.refuse(e.line, &lineError{e.err})
		return
	}
	g.put(e.line, rec)
}

// graphmlWriter writes nodes and edges under typed keys; what GraphML has no
// place for (observations, vectors, and texts with characters that XML cannot
// hold) stands as an import line in data of the graph.
type graphmlWriter struct{ id uint64 }

func newGraphMLWriter(w io.Writer) io.WriteCloser { return newSplitter(w, &graphmlWriter{}) }

var graphmlKeys = []struct{ domain, name, typ string }{
	{"node", "type", "string"}, {"node", "label", "string"}, {"node", "properties", "string"}, {"node", "aliases", "string"}, {"node", "expires_at", "string"},
	{"edge", "type", "string"}, {"edge", "weight", "double"}, {"edge", "predicate", "string"}, {"edge", "properties", "string"}, {"edge", "parallel", "int"},
	{"edge", "valid_from", "string"}, {"edge", "valid_to", "string"}, {"edge", "provenance", "string"}, {"edge", "confidence", "double"}, {"edge", "expires_at", "string"},
	{"graph", "json", "string"},
}

func (g *graphmlWriter) begin(b []byte) []byte {
	b = append(b, xml.Header+`<graphml xmlns="http://graphml.graphdrawing.org/xmlns">`+"\n"...)
	for _, k := range graphmlKeys {
		b = fmt.Appendf(b, "<key id=\"%c_%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n", k.domain[0], k.name, k.domain, k.name, k.typ)
	}
	return append(b, "<graph edgedefault=\"directed\">\n"...)
}

func (g *graphmlWriter) end(b []byte) ([]byte, error) {
	return append(b, "</graph>\n</graphml>\n"...), nil
}

func (g *graphmlWriter) record(b []byte, r *Record) ([]byte, error) {
	start := len(b)
	ok := true
	text := func(s string) {
		more, good := appendXML(b, s)
		b, ok = more, ok && good
	}
	data := func(key, s string) {
		if s != "" {
			b = append(append(append(b, `<data key="`...), key...), `">`...)
			text(s)
			b = append(b, `</data>`...)
		}
	}
	aliases, err := aliasList(r)
	switch {
	case err != nil:
		return b, err
	case r.Node != nil:
		n := r.Node
		b = append(b, `<node id="`...)
		text(n.Key)
		b = append(b, `">`...)
		data("n_type", n.Type)
		data("n_label", n.Label)
		data("n_properties", string(n.Properties))
		data("n_aliases", aliases)
		data("n_expires_at", n.ExpiresAt)
		b = append(b, "</node>\n"...)
	case r.Edge != nil:
		e := r.Edge
		g.id++
		b = fmt.Appendf(b, `<edge id="e%d" source="`, g.id)
		text(e.Source)
		b = append(b, `" target="`...)
		text(e.Target)
		b = append(b, `">`...)
		data("e_type", e.Type)
		data("e_weight", e.Weight.String())
		data("e_predicate", e.Predicate)
		data("e_properties", string(e.Properties))
		if e.Parallel > 0 {
			data("e_parallel", fmt.Sprint(e.Parallel))
		}
		data("e_valid_from", e.ValidFrom)
		data("e_valid_to", e.ValidTo)
		data("e_provenance", e.Provenance)
		data("e_confidence", e.Confidence.String())
		data("e_expires_at", e.ExpiresAt)
		b = append(b, "</edge>\n"...)
	default:
		ok = false
	}
	if ok {
		return b, nil
	}
	line, err := r.AppendLine(nil)
	if err != nil {
		return b, err
	}
	b = append(b[:start], `<data key="g_json">`...)
	if b, ok = appendXML(b, escapeNonXML(string(line))); !ok {
		return b, errors.New("a record that XML cannot hold")
	}
	return append(b, "</data>\n"...), nil
}
