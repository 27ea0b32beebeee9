package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const (
	asLines  = "Content-Type: application/x-ndjson"
	wantText = "Accept: application/x-ndjson"
)

// lines decodes an answer of JSON lines.
func jsonl(t testing.TB, text string) (out []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		out = append(out, v)
	}
	return out
}

// totals is what the last line of an import says.
func totals(v map[string]any) string {
	return fmt.Sprintf("done %v lines %v nodes %v edges %v errors %v", v["done"], v["lines"], v["nodes"], v["edges"], v["errors"])
}

const mixed = `{"node":{"key":"a","type":"n","label":"A","properties":{"x":1}}}
{"edge":{"source":"a","target":"b","type":"T","weight":0.5}}
not JSON

{"node":{"key":"b","type":"n"}}
{"edge":{"source":"a","target":"nobody","type":"T"}}
{"node":{"key":"c","type":"n","colour":"red"}}
`

func TestGraphImport(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", mixed, asLines, wantText)
	if got.Header.Get("Content-Type") != "application/x-ndjson" || got.Header.Get("X-Mesh-Revision") == "" {
		t.Errorf("%v", got.Header)
	}
	told := map[any]string{}
	all := jsonl(t, got.text)
	for _, v := range all {
		if v["line"] != nil {
			told[v["line"]] = v["error"].(string)
		}
	}
	if len(told) != 3 || !strings.Contains(told[3.0], "JSON") || !strings.Contains(told[6.0], "nobody") || !strings.Contains(told[7.0], "colour") {
		t.Errorf("refused lines: %v", told)
	}
	last := all[len(all)-1]
	if totals(last) != "done true lines 7 nodes 2 edges 1 errors 3" || last["bytes"] != float64(len(mixed)) || last["revision"] != 2.0 && last["revision"] != 1.0 {
		t.Errorf("%v", last)
	}
	if n := call(t, a, 200, "GET", "/graph/find?session_id=s&key=a", ""); !strings.Contains(n.text, `"created_by":"user"`) {
		t.Errorf("%s", n.text)
	}

	// Once more, as one object, changes nothing.
	again := call(t, a, 200, "POST", "/graph/import?session_id=s", mixed, asLines, "Accept: application/json")
	if fmt.Sprintf("%v %v %v %v", again.body["done"], again.body["created"], again.body["unchanged"], again.body["errors"]) != "true 0 3 3" || len(again.body["refusals"].([]any)) != 3 {
		t.Errorf("%s", again.text)
	}
}

func TestGraphImportDry(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s&dry_run=true", mixed, asLines, wantText)
	all := jsonl(t, got.text)
	last := all[len(all)-1]
	if totals(last) != "done true lines 7 nodes 2 edges 1 errors 3" || last["dry_run"] != true {
		t.Errorf("%v", last)
	}
	if st := call(t, a, 200, "GET", "/graph/stats?session_id=s", ""); st.number(t, "nodes") != 0 {
		t.Errorf("%s", st.text)
	}
}

// An import of nothing is done at once.
func TestGraphImportEmpty(t *testing.T) {
	a := graphAPI(t)
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", "\n", asLines, wantText)
	if all := jsonl(t, got.text); len(all) != 1 || totals(all[0]) != "done true lines 1 nodes 0 edges 0 errors 0" {
		t.Errorf("%s", got.text)
	}
	call(t, a, 200, "POST", "/graph/import?session_id=s", "", wantText)
}

// Too many faults end the import; what it loaded stays and is told.
func TestGraphImportTooManyErrors(t *testing.T) {
	a := graphAPI(t)
	for name, accept := range map[string]string{"lines": wantText, "object": "Accept: application/json"} {
		t.Run(name, func(t *testing.T) {
			got := call(t, a, 400, "POST", "/graph/import?session_id=s", strings.Repeat("{}\n", 200), asLines, accept)
			imported := got.body["details"].(map[string]any)["imported"].(map[string]any)
			if got.body["code"] != "TOO_MANY_ERRORS" || len(imported["refusals"].([]any)) != 100 || fmt.Sprint(imported["errors"]) != "100" {
				t.Errorf("%s", got.text)
			}
		})
	}
}

// What fails midway is told in the last line, since the answer has begun.
func TestGraphImportFailsMidway(t *testing.T) {
	a := graphAPI(t)
	var body bytes.Buffer
	for i := range 12_000 { // more than a few batches
		fmt.Fprintf(&body, "{\"node\":{\"key\":\"k%d\",\"type\":\"n\"}}\n", i)
	}
	body.WriteString(strings.Repeat("{}\n", 200))
	got := call(t, a, 200, "POST", "/graph/import?session_id=s", body.String(), asLines, wantText)
	all := jsonl(t, got.text)
	last := all[len(all)-1]
	if last["code"] != "TOO_MANY_ERRORS" || last["error"] == "" || last["done"] != nil || last["errors"] != 100.0 || last["request_id"] == "" {
		t.Errorf("%v", last)
	}
	refused := 0
	for _, line := range all[:len(all)-1] {
		if line["line"] != nil { // the others say how far it is, as often as it takes
			refused++
		}
	}
	if refused != 100 || len(all) < 102 {
		t.Errorf("%d lines, %d of them refusals: %v", len(all), refused, all[0])
	}
}

// What an export writes, an import reads, and both hold the same.
func TestGraphExportImport(t *testing.T) {
	a, b := graphAPI(t), graphAPI(t)
	ada := makeNode(t, a, "Ada", "ada")
	plain := makeNode(t, a, `no "key" <here>`, "")
	makeEdge(t, a, ada, plain, "WROTE")
	makeEdge(t, a, ada, plain, "WROTE")
	call(t, a, 201, "POST", "/graph/edges", fmt.Sprintf(`{"source_id":%d,"target_id":%d,"edge_type":"T","weight":0.25,"predicate":"p","properties":{"y":[1,"é"]}}`, plain, plain))
	first := call(t, a, 200, "GET", "/graph/export?session_id=s", "", "X-API-Key: "+viewerKey, wantText)
	if first.Header.Get("Content-Type") != "application/x-ndjson" || first.Header.Get("X-Mesh-Revision") != "5" || len(jsonl(t, first.text)) != 5 {
		t.Fatalf("%v %s", first.Header, first.text)
	}
	call(t, b, 200, "POST", "/graph/import?session_id=other", first.text, asLines, wantText)
	if second := call(t, b, 200, "GET", "/graph/export?session_id=other", "", wantText); second.text != first.text {
		t.Errorf("exported\n%s, then\n%s", first.text, second.text)
	}
	if none := call(t, b, 200, "GET", "/graph/export?session_id=empty", "", wantText); none.text != "" {
		t.Errorf("%q", none.text)
	}
}
