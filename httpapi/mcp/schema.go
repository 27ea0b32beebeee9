package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// kind is a JSON type.
type kind string

const (
	text    kind = "string"
	number  kind = "number"
	integer kind = "integer"
	truth   kind = "boolean"
	list    kind = "array"
	object  kind = "object"
)

// field is what a tool's arguments or answers hold: the JSON schema that
// clients see and the check of what they send are made of the same table.
type field struct {
	name     string
	kind     kind
	doc      string
	optional bool
	items    *field  // of a list
	fields   []field // of an object
	enum     []string
	min, max float64 // of a number; both 0: any
	// open lets an object have other fields.
	open bool
}

// schema is the field as a JSON schema.
func (f *field) schema() map[string]any {
	s := map[string]any{"type": string(f.kind)}
	if f.doc != "" {
		s["description"] = f.doc
	}
	if len(f.enum) > 0 {
		s["enum"] = f.enum
	}
	if f.min != 0 || f.max != 0 {
		s["minimum"], s["maximum"] = f.min, f.max
	}
	if f.items != nil {
		s["items"] = f.items.schema()
	}
	if f.kind == object {
		properties, required := map[string]any{}, []string{}
		for i := range f.fields {
			properties[f.fields[i].name] = f.fields[i].schema()
			if !f.fields[i].optional {
				required = append(required, f.fields[i].name)
			}
		}
		s["properties"] = properties
		if len(required) > 0 {
			s["required"] = required
		}
		if !f.open {
			s["additionalProperties"] = false
		}
	}
	return s
}

// maxProblems bounds what is said about one call's arguments.
const maxProblems = 10

// problems checks arguments against the table. Each is a sentence in the
// reference server's manner.
func (f *field) problems(raw json.RawMessage) (problems []string) {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return []string{"Invalid input: expected object, received what is no JSON"}
	}
	f.check("", v, &problems)
	return problems
}

func (f *field) check(path string, v any, problems *[]string) {
	if len(*problems) >= maxProblems {
		return
	}
	at := ""
	if path != "" {
		at = " at " + path
	}
	if got := kindOf(v, f.kind); got != string(f.kind) {
		*problems = append(*problems, fmt.Sprintf("Invalid input: expected %s, received %s%s", f.kind, got, at))
		return
	}
	switch v := v.(type) {
	case string:
		for _, e := range f.enum {
			if v == e {
				return
			}
		}
		if len(f.enum) > 0 {
			*problems = append(*problems, fmt.Sprintf("Invalid option: expected one of %s%s", strings.Join(f.enum, ", "), at))
		}
	case json.Number:
		if n, err := v.Float64(); err != nil || (f.min != 0 || f.max != 0) && (n < f.min || n > f.max) {
			*problems = append(*problems, fmt.Sprintf("Invalid input: expected %v to %v%s", f.min, f.max, at))
		}
	case []any:
		for i := range v {
			f.items.check(path+"["+strconv.Itoa(i)+"]", v[i], problems)
		}
	case map[string]any:
		f.checkObject(path, v, problems)
	}
}

func (f *field) checkObject(path string, v map[string]any, problems *[]string) {
	known := 0
	for i := range f.fields {
		child := &f.fields[i]
		name := strings.TrimPrefix(path+"."+child.name, ".")
		got, given := v[child.name]
		if given {
			known++
		}
		switch {
		case given && (got != nil || !child.optional):
			child.check(name, got, problems)
		case !given && !child.optional && len(*problems) < maxProblems:
			*problems = append(*problems, fmt.Sprintf("Invalid input: expected %s, received undefined at %s", child.kind, name))
		}
	}
	if f.open || known == len(v) || len(*problems) >= maxProblems {
		return
	}
	names := make([]string, len(f.fields))
	for i := range f.fields {
		names[i] = f.fields[i].name
	}
	for name := range v {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
			*problems = append(*problems, fmt.Sprintf("Unrecognized key: %q; known here are %s", clip(name, 100), strings.Join(names, ", ")))
			return
		}
	}
}

// kindOf names the JSON type of a value; a whole number is what is wanted.
func kindOf(v any, wanted kind) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return string(text)
	case bool:
		return string(truth)
	case []any:
		return string(list)
	case map[string]any:
		return string(object)
	case json.Number:
		if wanted == integer {
			if _, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
				return string(integer)
			}
		}
	}
	return string(number)
}

// clip bounds what callers can put into answers and logs.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
