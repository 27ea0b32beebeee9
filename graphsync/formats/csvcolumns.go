package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// column is what a column of a table means. The names, without case:
//
//	kind         node, edge, observation, vector; without it a line with a source is an edge
//	key, id, :ID, :ID(group), name:ID     key of a node, or of the node that is observed
//	type, :LABEL, :TYPE                    type; neo4j's lists of labels give the first
//	label                                  label of a node; else the column "name", else the key
//	source, :START_ID, target, :END_ID     keys of an edge's ends, with (group) as above
//	weight predicate parallel valid_from valid_to provenance confidence expires_at
//	aliases      a JSON list, or words parted by |
//	text model vector
//	properties   a JSON object
//	json         the whole record as an import line, where a table cannot say it
//	prop:NAME, prop:NAME:TYPE, NAME:TYPE, NAME   a property; TYPE is string, int, long, float, double,
//	             boolean, json, or one of them with [] for a list parted by ;
//	:IGNORE      left out
//
// An empty field says nothing. Keys of a neo4j group are "group/id".
type column struct {
	field string // one of the names above; "" is a property, "-" is left out
	name  string // of a property
	typ   string
	list  bool
	group string
}

const maxColumns = 4096

var fieldNames = map[string]string{
	"kind": "kind", "key": "key", "id": "key", "type": "type", ":type": "type", ":label": "type", "label": "label",
	"source": "source", "target": "target", "weight": "weight", "predicate": "predicate", "parallel": "parallel",
	"valid_from": "valid_from", "valid_to": "valid_to", "provenance": "provenance", "confidence": "confidence", "expires_at": "expires_at",
	"aliases": "aliases", "text": "text", "model": "model", "vector": "vector", "properties": "properties", "json": "json",
	":ignore": "-",
}

func parseHeader(names []string) ([]column, error) {
	if len(names) > maxColumns {
		return nil, fmt.Errorf("the first line names %d columns, at most %d are allowed", len(names), maxColumns)
	}
	columns := make([]column, len(names))
	given := map[string]int{}
	for i, name := range names {
		columns[i] = parseColumn(strings.TrimSpace(name))
		c := &columns[i]
		what := c.field + "\x00" + c.name
		if given[what]++; given[what] > 1 && c.field != "-" {
			return nil, fmt.Errorf("the first line names the column %.80q twice", name)
		}
	}
	if given["key\x00"]+given["source\x00"]+given["json\x00"] == 0 {
		return nil, errors.New("the first line names no column key (or id, :ID) and none source (or :START_ID): it must name the columns")
	}
	if given["source\x00"] != given["target\x00"] {
		return nil, errors.New("the first line must name both source and target, or neither")
	}
	// In a table of edges alone an id is the edge's own.
	for i := range columns {
		if c := &columns[i]; c.field == "key" && strings.EqualFold(names[i], "id") && given["source\x00"] > 0 && given["kind\x00"] == 0 {
			*c = column{name: "id"}
		}
	}
	return columns, nil
}

func parseColumn(name string) column {
	lower := strings.ToLower(name)
	if f, ok := fieldNames[lower]; ok {
		return column{field: f}
	}
	if rest, ok := strings.CutPrefix(name, "prop:"); ok {
		return property(rest)
	}
	bare, group, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	if at := strings.LastIndexByte(bare, ':'); at >= 0 {
		switch strings.ToLower(bare[at+1:]) {
		case "id":
			return column{field: "key", group: group}
		case "start_id":
			return column{field: "source", group: group}
		case "end_id":
			return column{field: "target", group: group}
		case "label", "type":
			return column{field: "type"}
		case "ignore":
			return column{field: "-"}
		}
	}
	if name == "" {
		return column{field: "-"}
	}
	return property(name)
}

func property(name string) column {
	c := column{name: name, typ: "string"}
	at := strings.LastIndexByte(name, ':')
	if at <= 0 {
		return c
	}
	typ, list := strings.CutSuffix(strings.ToLower(name[at+1:]), "[]")
	switch typ {
	case "int", "long", "short", "byte", "float", "double", "boolean", "json", "string",
		"char", "date", "time", "datetime", "localtime", "localdatetime", "duration", "point":
		return column{name: name[:at], typ: typ, list: list}
	}
	return c
}

// value is a field as JSON.
func (c *column) value(text string) (json.RawMessage, error) {
	if !c.list {
		return scalar(c.typ, text)
	}
	out := []byte{'['}
	for i, part := range strings.Split(text, ";") {
		v, err := scalar(c.typ, part)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']'), nil
}

var errNumber = errors.New("must be a number")

func scalar(typ, text string) (json.RawMessage, error) {
	switch typ {
	case "int", "long", "short", "byte", "float", "double":
		return number(text)
	case "boolean":
		b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
		if err != nil {
			return nil, errors.New("must be true or false")
		}
		return strconv.AppendBool(nil, b), nil
	case "json":
		if !json.Valid([]byte(text)) {
			return nil, errors.New("must be JSON")
		}
		return json.RawMessage(text), nil
	}
	return appendQuoted(nil, text), nil
}

// number is a number as JSON spells it, all its digits kept.
func number(text string) (json.RawMessage, error) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "+")
	if text == "" || !(text[0] == '-' || text[0] >= '0' && text[0] <= '9' || text[0] == '.') {
		return nil, errNumber
	}
	if json.Valid([]byte(text)) {
		return json.RawMessage(text), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, errNumber
	}
	return json.Marshal(f)
}
