package httpapi

import (
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Every field and parameter of the document says what it is, in which unit, what
// holds where it is left out and how large it may be. Types of this package say
// so in their doc tags. For the types of the layers below, which know of no
// document, and for the parameters of Plain routes, the words stand here:
//
//	Type.field       a field of one type
//	.field           a field that means the same in all types
//	METHOD /path?x   a parameter of one route
//	?x               a parameter that means the same in all routes
//
// A tag goes before them, and the narrower before the wider. A test fails for a
// field without words, and for words without a field.
var described = concat(meshWords, messageWords, taskWords, graphWords, syncWords, parameterWords)

func concat(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// describer puts words to what has none.
type describer struct {
	missing []string
	// each is told of all there is, with its words.
	each func(key, words string)
}

// put gives words to what is at key, unless it has its own.
func (d *describer) put(text *string, key, wide string) {
	if *text == "" {
		*text = described[key]
	}
	if *text == "" {
		*text = described[wide]
	}
	if *text == "" {
		d.missing = append(d.missing, key)
	}
	if d.each != nil {
		d.each(key, *text)
		d.each(wide, *text)
	}
}

// describe goes through the whole document and returns what has no words. It
// tells each, which may be nil, of all the rest.
func describe(doc *huma.OpenAPI, each func(key, words string)) (missing []string) {
	d := &describer{each: each}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		d.schema(name, schemas[name])
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			where := op.Method + " " + op.Path
			for _, p := range op.Parameters {
				d.put(&p.Description, where+"?"+p.Name, "?"+p.Name)
			}
			if op.RequestBody != nil {
				for _, media := range op.RequestBody.Content {
					d.schema(where, media.Schema)
				}
			}
			for _, r := range op.Responses {
				for _, media := range r.Content {
					d.schema(where, media.Schema)
				}
			}
		}
	}
	return d.missing
}

// schema describes the fields of one; those of a type that is referred to are
// its own.
func (d *describer) schema(name string, s *huma.Schema) {
	if s == nil {
		return
	}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		p := s.Properties[field]
		d.put(&p.Description, name+"."+field, "."+field)
		d.schema(name+"."+field, p)
	}
	d.schema(name, s.Items)
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		d.schema(name, more)
	}
}
