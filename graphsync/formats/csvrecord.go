package formats

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// row is a line of a table by the meaning of its columns.
type row struct {
	fields     map[string]string
	name       string // the property "name", which stands in for a label
	properties []byte // members, without braces
}

// record makes a record of a line's fields.
func record(columns []column, fields []string) (Record, error) {
	if len(fields) > len(columns) {
		return Record{}, fmt.Errorf("the line has %d fields, the first one names %d", len(fields), len(columns))
	}
	r := row{fields: make(map[string]string, len(fields))}
	for i, text := range fields {
		if text == "" {
			continue
		}
		if err := r.set(&columns[i], text); err != nil {
			return Record{}, fmt.Errorf("column %d (%.40s): %w", i+1, columns[i].title(), err)
		}
	}
	if text, ok := r.fields["json"]; ok {
		return ParseRecord([]byte(text))
	}
	kind := strings.ToLower(r.fields["kind"])
	if kind == "" {
		kind = "node"
		if r.fields["source"]+r.fields["target"] != "" {
			kind = "edge"
		}
	}
	return r.record(kind)
}

func (c *column) title() string {
	if c.field != "" {
		return c.field
	}
	return c.name
}

func (r *row) set(c *column, text string) error {
	switch c.field {
	case "-":
	case "":
		v, err := c.value(text)
		if err != nil {
			return err
		}
		if strings.EqualFold(c.name, "name") {
			r.name = text
		}
		r.member(c.name, v)
	case "weight", "confidence":
		v, err := number(text)
		if err != nil {
			return err
		}
		r.fields[c.field] = string(v)
	case "properties", "vector":
		if !json.Valid([]byte(text)) {
			return errors.New("must be JSON")
		}
		r.fields[c.field] = text
	case "key", "source", "target":
		if c.group != "" {
			text = c.group + "/" + text
		}
		r.fields[c.field] = text
	default:
		r.fields[c.field] = text
	}
	return nil
}

func (r *row) member(name string, v []byte) {
	if len(r.properties) > 0 {
		r.properties = append(r.properties, ',')
	}
	r.properties = append(append(appendQuoted(r.properties, name), ':'), v...)
}

func (r *row) record(kind string) (Record, error) {
	f := r.fields
	props := json.RawMessage(f["properties"])
	if len(r.properties) > 0 {
		if len(props) > 0 {
			return Record{}, errors.New("the line has properties both in a column each and in the column properties")
		}
		props = append(append([]byte{'{'}, r.properties...), '}')
	}
	told := Told{ValidFrom: f["valid_from"], ValidTo: f["valid_to"], Provenance: f["provenance"], Confidence: json.Number(f["confidence"]), ExpiresAt: f["expires_at"]}
	switch kind {
	case "node":
		typ, _, _ := strings.Cut(f["type"], ";")
		n := Node{Key: f["key"], Type: typeOf(typ, someNode), Label: f["label"], Properties: props, ExpiresAt: told.ExpiresAt}
		if n.Label == "" {
			n.Label = cut(r.name, maxLabel)
		}
		if n.Key == "" {
			return Record{}, errors.New("the line names no key")
		}
		var err error
		n.Aliases, err = words(f["aliases"])
		return Record{Node: &n}, err
	case "edge":
		e := Edge{Source: f["source"], Target: f["target"], Weight: json.Number(f["weight"]), Predicate: f["predicate"], Properties: props, Told: told}
		if e.Source == "" || e.Target == "" {
			return Record{}, errors.New("the line names no source or no target")
		}
		typ := f["type"]
		if f["kind"] == "" && (typ == "Directed" || typ == "Undirected") { // Gephi's word for something else
			typ = ""
		}
		if e.Type = typeOf(typ, someEdge); e.Type != typ && e.Predicate == "" {
			e.Predicate = cut(typ, maxLabel)
		}
		if f["parallel"] != "" {
			n, err := strconv.ParseUint(f["parallel"], 10, 32)
			if err != nil {
				return Record{}, errors.New("parallel must be a small whole number")
			}
			e.Parallel = uint32(n)
		}
		return Record{Edge: &e}, nil
	case "observation":
		return Record{Observation: &Observation{Node: f["key"], Text: f["text"], Properties: props, Told: told}}, nil
	case "vector":
		if f["vector"] == "" {
			return Record{}, errors.New("the line has no vector")
		}
		return Record{Vector: &Vector{Node: f["key"], Model: f["model"], Vector: json.RawMessage(f["vector"])}}, nil
	}
	return Record{}, fmt.Errorf("kind is %.40q, and must be node, edge, observation or vector", kind)
}

// words reads a JSON list of texts, or texts parted by |.
func words(text string) (out []string, err error) {
	switch {
	case text == "":
		return nil, nil
	case text[0] != '[':
		return strings.Split(text, "|"), nil
	}
	if json.Unmarshal([]byte(text), &out) != nil {
		err = errors.New("aliases must be a JSON list of texts, or texts parted by |")
	}
	return out, err
}

// csvWriter writes one table of all records.
type csvWriter struct{ line strings.Builder }

func newCSVWriter(w io.Writer) io.WriteCloser { return newSplitter(w, &csvWriter{}) }

var csvHeader = []string{"kind", "key", "type", "label", "source", "target", "weight", "predicate", "parallel", "valid_from", "valid_to",
	"provenance", "confidence", "expires_at", "aliases", "text", "model", "vector", "properties", "json"}

func (c *csvWriter) begin(b []byte) []byte { return c.row(b, csvHeader) }

func (c *csvWriter) end(b []byte) ([]byte, error) { return b, nil }

func (c *csvWriter) row(b []byte, fields []string) []byte {
	c.line.Reset()
	w := csv.NewWriter(&c.line)
	_ = w.Write(fields) // a Builder does not fail, the separator is sound
	w.Flush()
	return append(b, c.line.String()...)
}

func (c *csvWriter) record(b []byte, r *Record) ([]byte, error) {
	var out [20]string
	told := func(t *Told) {
		out[9], out[10], out[11], out[12], out[13] = t.ValidFrom, t.ValidTo, t.Provenance, t.Confidence.String(), t.ExpiresAt
	}
	switch {
	case r.Node != nil:
		n := r.Node
		out[0], out[1], out[2], out[3], out[13], out[18] = "node", n.Key, n.Type, n.Label, n.ExpiresAt, string(n.Properties)
		if len(n.Aliases) > 0 {
			list, err := json.Marshal(n.Aliases)
			if err != nil {
				return b, err
			}
			out[14] = string(list)
		}
	case r.Edge != nil:
		e := r.Edge
		out[0], out[2], out[4], out[5], out[6], out[7], out[18] = "edge", e.Type, e.Source, e.Target, e.Weight.String(), e.Predicate, string(e.Properties)
		if e.Parallel > 0 {
			out[8] = strconv.FormatUint(uint64(e.Parallel), 10)
		}
		told(&e.Told)
	case r.Observation != nil:
		o := r.Observation
		out[0], out[1], out[15], out[18] = "observation", o.Node, o.Text, string(o.Properties)
		told(&o.Told)
	default:
		out[0], out[1], out[16], out[17] = "vector", r.Vector.Node, r.Vector.Model, string(r.Vector.Vector)
	}
	// A reader of CSV may take CR LF within a field for LF.
	if strings.ContainsRune(strings.Join(out[:], ""), '\r') {
		line, err := r.AppendLine(nil)
		if err != nil {
			return b, err
		}
		out = [20]string{19: string(line)}
	}
	return c.row(b, out[:]), nil
}
