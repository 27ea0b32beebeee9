package mcp

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// recorded is what the reference server (2026.8.31) answered to one call after
// those before it.
type recorded struct {
	Tool       string
	Arguments  json.RawMessage
	Text       string
	Structured json.RawMessage
	IsError    bool
}

// The same calls get the same answers as from the reference server, to the
// letter where a model reads them.
func TestAnswersAreTheReferenceServers(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var calls []recorded
	if err := json.Unmarshal(raw, &calls); err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, Call{})
	session := connect(t, url)
	for i, r := range calls {
		a := ask(t, session, r.Tool, r.Arguments)
		if a.Text != r.Text || a.IsError != r.IsError {
			t.Errorf("call %d, %s %s\nanswers %s\n   want %s", i, r.Tool, r.Arguments, a.Text, r.Text)
		}
		if len(r.Structured) == 0 {
			r.Structured = json.RawMessage("null")
		}
		var got, want any
		if err := json.Unmarshal(a.Structured, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(r.Structured, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("call %d, %s: structured %s\nwant %s", i, r.Tool, a.Structured, r.Structured)
		}
	}
}

// What clients are told of the nine tools is what the reference server tells
// them, but for arguments and fields that may be left out.
func TestToolsAreTheReferenceServers(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference_tools.json")
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Tools []map[string]any
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	_, url := serve(t, Call{})
	got, err := connect(t, url).ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]map[string]any{}
	for _, tool := range got.Tools {
		var m map[string]any
		b, err := json.Marshal(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		ours[tool.Name] = m
	}
	for _, want := range list.Tools {
		name := want["name"].(string)
		got := ours[name]
		if got == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		for _, k := range []string{"inputSchema", "outputSchema", "annotations", "title"} {
			if problem := within(want[k], got[k]); problem != "" {
				t.Errorf("%s %s: %s", name, k, problem)
			}
		}
	}
}

// The graph as a resource is what read_graph says.
func TestResource(t *testing.T) {
	_, url := serve(t, Call{})
	s := connect(t, url)
	fill(t, s, 5)
	all, err := s.ListResources(t.Context(), nil)
	if err != nil || len(all.Resources) != 1 || all.Resources[0].URI != "memory://knowledge-graph" {
		t.Fatalf("%+v %v", all, err)
	}
	got, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: all.Resources[0].URI})
	if err != nil {
		t.Fatal(err)
	}
	if a := want(t, s, nil, "read_graph", nil); got.Contents[0].Text != a.Text || got.Contents[0].MIMEType != "application/json" {
		t.Errorf("%s\nis not %s", got.Contents[0].Text, a.Text)
	}
	if _, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "memory://other"}); err == nil {
		t.Error("there is another resource")
	}
}

// within says where the second schema asks for more than the first, or lacks
// something of it.
func within(want, got any) string {
	w, ok := want.(map[string]any)
	if !ok {
		if !reflect.DeepEqual(want, got) && got != nil {
			a, _ := json.Marshal(want)
			b, _ := json.Marshal(got)
			return string(b) + " is not " + string(a)
		}
		return ""
	}
	g, ok := got.(map[string]any)
	if !ok {
		return "missing"
	}
	for k, v := range w {
		if k == "$schema" || v == false && g[k] == nil {
			continue
		}
		if g[k] == nil {
			return k + " is missing"
		}
		if problem := within(v, g[k]); problem != "" {
			return k + ": " + problem
		}
	}
	if g["required"] != nil && w["required"] == nil {
		return "something is required"
	}
	return ""
}
