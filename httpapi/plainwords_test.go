package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// ofGo are words that tell a client of what the node is made.
var ofGo = regexp.MustCompile(`\bGo\b|json:|unmarshal|struct field|strconv|reflect|jsontext|parsing time|interface|float(32|64)\b|\bu?int(8|16|32|64)?\b|schema|expected |regex|property`)

// parameters stands for whatever a path asks for.
var parameters = regexp.MustCompile(`\{[^}]*\}`)

// Whatever is wrong with a body, at every route that has one: the answer says in
// plain words which member it is, and what it must be.
func TestErrorsOfBodiesAreInPlainWords(t *testing.T) {
	a := wholeAPI(t)
	doc := a.huma.OpenAPI()
	routes, asked := 0, 0
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Put, item.Post, item.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			routes++
			s := op.RequestBody.Content["application/json"].Schema
			if s.Ref != "" {
				s = doc.Components.Schemas.SchemaFromRef(s.Ref)
			}
			// The field that a refusal must be about; "" is any.
			bodies := map[string]string{
				``: "", `{`: "body", `{} x`: "body", `[]`: "body", `7`: "body", `{"nothing":1}`: "body.nothing",
				"{\"a\":\"\xff\"}": "body", `{"a":1,"a":2}`: "body", `{"a":"\ud800"}`: "body", `{'a':1}`: "body", `{"a":01}`: "body",
				`{"a":{"b":[1e400]}}`: "body.a.b[0]", strings.Repeat(`[`, 20_000): "body", "{\"a\u0000\":1}": "",
			}
			if s.AdditionalProperties != false {
				bodies[`{"nothing":1}`] = ""
			}
			if !op.RequestBody.Required {
				delete(bodies, ``)
			}
			for name, p := range s.Properties {
				for _, v := range wrongFor(doc, p) {
					if body := fmt.Sprintf("{%q:%s}", name, v); v == "1e30" || v == "18446744073709551616" {
						bodies[body] = "" // what is missing besides is told before
					} else {
						bodies[body] = "body." + name
					}
				}
			}
			for body, field := range bodies {
				asked++
				query := ""
				for _, p := range op.Parameters {
					if p.In == "query" && p.Required {
						query = "?" + p.Name + "=x"
					}
				}
				res := ask(t, a.Handler(), op.Method, parameters.ReplaceAllString(path, "1")+query, body, "X-API-Key: "+adminKey, "Content-Type: application/json")
				e := refusal(t, res)
				what := fmt.Sprintf("%s %s %.60q: %d %s", op.Method, path, body, res.StatusCode, e.Sentence)
				if res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusRequestEntityTooLarge {
					t.Error(what)
					continue
				}
				if w := ofGo.FindString(e.Sentence + fmt.Sprint(e.Details["problems"])); w != "" && !strings.Contains(body, w) && !slices.Contains(names(s), w) {
					t.Errorf("%s: speaks of %q: %v", what, w, e.Details)
				}
				if field == "" {
					continue
				}
				fields := []string{fmt.Sprint(e.Details["field"])}
				problems, _ := e.Details["problems"].([]any)
				for _, p := range problems {
					fields = append(fields, fmt.Sprint(p.(map[string]any)["field"]))
				}
				if !slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, field) }) {
					t.Errorf("%s: is about %v, not %s", what, fields, field)
				}
			}
		}
	}
	if routes < 30 || asked < 1000 {
		t.Errorf("%d routes with bodies, asked %d times", routes, asked)
	}
}

func names(s *huma.Schema) (out []string) {
	for name := range s.Properties {
		out = append(out, name)
	}
	return out
}

// wrongFor are values that a member cannot have.
func wrongFor(doc *huma.OpenAPI, s *huma.Schema) []string {
	if s.Ref != "" {
		s = doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch s.Type {
	case "string":
		return []string{"7", "{}", "[]", "true", "1e400"}
	case "integer":
		return []string{`"x"`, "{}", "[]", "true", "1.5", "1e30", "1e400", "18446744073709551616"}
	case "number":
		return []string{`"x"`, "{}", "[]", "true", "1e400"}
	case "boolean":
		return []string{`"x"`, "{}", "[]", "7"}
	case "array":
		return []string{`"x"`, "{}", "true", "7", "[1e400]"}
	case "object":
		return []string{`"x"`, "true", "7", "[]"}
	}
	return nil
}
