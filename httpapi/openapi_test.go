package httpapi

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// The document is public, describes every route, and promises our errors.
func TestOpenAPI(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard))
	res := ask(t, a.Handler(), "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
			Responses   map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Parameters []struct{ Name, In string }
		}
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("version %q, type %q", doc.OpenAPI, res.Header.Get("Content-Type"))
	}
	ids := map[string]bool{}
	for _, r := range a.Routes() {
		op, ok := doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok || ids[op.OperationID] || (len(op.Security) == 0) != r.Public {
			t.Errorf("%s %s: %+v", r.Method, r.Path, op)
		}
		ids[op.OperationID] = true
		if _, ok := op.Responses["422"]; ok {
			t.Errorf("%s %s promises a 422", r.Method, r.Path)
		}
	}
	schema := doc.Paths["/echo/{id}"]["post"].Responses["default"].Content["application/json"].Schema
	if schema["$ref"] != "#/components/schemas/Error" {
		t.Errorf("the errors of a route are %v", schema)
	}
	for _, name := range []string{"error", "code", "details", "request_id"} {
		if _, ok := doc.Components.Schemas["Error"].Properties[name]; !ok {
			t.Errorf("the schema of errors lacks %s", name)
		}
	}
}

// The document of all routes is one by the specification's own schema
// (spec.openapis.org/oas/3.1/schema/2026-08-03, kept beside this test).
func TestDocumentIsOpenAPI(t *testing.T) {
	text, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(wholeAPI(t).openapi, &doc); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(doc); err != nil {
		t.Error(err)
	}
	doc["paths"].(map[string]any)["/status"].(map[string]any)["get"].(map[string]any)["responses"] = 7
	if resolved.Validate(doc) == nil {
		t.Error("responses may be a number")
	}
	// Whatever it refers to is there.
	for _, ref := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(wholeAPI(t).openapi), -1) {
		if _, ok := doc["components"].(map[string]any)["schemas"].(map[string]any)[ref[1]]; !ok {
			t.Errorf("%s is not there", ref[0])
		}
	}
}

// Every operation, streams too, says what it answers when it goes well, and that
// its errors are ours.
func TestEveryAnswerIsDocumented(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema map[string]any }
			}
		}
	}
	if err := json.Unmarshal(wholeAPI(t).openapi, &doc); err != nil {
		t.Fatal(err)
	}
	for path, operations := range doc.Paths {
		for method, op := range operations {
			well := false
			for status := range op.Responses {
				well = well || status[0] == '1' || status[0] == '2'
			}
			if !well || op.Responses["default"].Content["application/json"].Schema["$ref"] != "#/components/schemas/Error" {
				t.Errorf("%s %s: %v", method, path, op.Responses)
			}
		}
	}
}

// Requests that are odd on the wire get an answer, never a broken connection.
func TestOddRequestLines(t *testing.T) {
	var logs lockedBuffer
	a := mustBuild(t, testConfig(&logs))
	url, _ := serveTLS(t, a)
	address := strings.TrimPrefix(url, "https://")
	for line, want := range map[string]int{
		"GET http://127.0.0.1/health HTTP/1.1":    200,
		"GET http://evil.example/health HTTP/1.1": 403,
		"GET /health/../echo HTTP/1.1":            401,
		"GET /%68ealth HTTP/1.1":                  200,
		"GET /health%2f HTTP/1.1":                 200,
		"GET /health%00 HTTP/1.1":                 401,
		"GET //127.0.0.1/health HTTP/1.1":         401,
		"CONNECT 127.0.0.1:443 HTTP/1.1":          401,
		"CONNECT /health HTTP/1.1":                405,
		"GET /health?%zz HTTP/1.1":                200,
		"POST /health HTTP/1.1":                   405,
	} {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "%s\r\nHost: %s\r\nConnection: close\r\n\r\n", line, address); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		} else if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", line, res.StatusCode, want)
		}
		conn.Close()
	}
	if strings.Contains(logs.String(), "panicked") {
		t.Error(logs.String())
	}
}
