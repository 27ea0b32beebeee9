package graphsync

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync/formats"
)

// everything is a namespace with all that a file can carry.
const everything = `{"node":{"key":"ada","type":"person","label":"Ada","properties":{"born":1815,"x":{"y":[1.0,"é\r\n\u0001"]}},"aliases":["countess","A.L."],"expires_at":"2999-01-01T00:00:00.5Z"}}
{"observation":{"node":"ada","text":"wrote\r\nthe first program","properties":{"a":1},"valid_from":"1843-01-01T00:00:00Z","confidence":0.9,"provenance":"http://ex.org/notes"}}
{"observation":{"node":"ada","text":"born 1815"}}
{"vector":{"node":"ada","model":"m/2","vector":[0.5,-0.25,1e-7]}}
{"vector":{"node":"ada","model":"m/1","vector":[1]}}
{"node":{"key":"_:7","type":"n","label":"<no> \"key\" & \u0002"}}
{"node":{"key":"http://ex.org/it's","type":"n","label":"=1+1"}}
{"edge":{"source":"ada","target":"_:7","type":"KNOWS"}}
{"edge":{"source":"ada","target":"_:7","type":"KNOWS","weight":0.25,"predicate":"knows, of","properties":{"since":"1833"},"parallel":1,"valid_from":"1833-06-05T00:00:00Z","valid_to":"1852-11-27T00:00:00Z","provenance":"letters","confidence":1,"expires_at":"2999-01-01T00:00:00Z"}}
{"edge":{"source":"_:7","target":"_:7","type":"SELF"}}
{"edge":{"source":"http://ex.org/it's","target":"ada","type":"T","weight":0}}
`

func exported(t testing.TB, s *Service, f formats.Format) string {
	t.Helper()
	var out bytes.Buffer
	w, err := formats.NewWriter(&out, f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Export(bg, stale, ExportQuery{Namespace: "s"}, w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// An export to any format that loses nothing, imported, is the same graph.
func TestFormatsKeepTheLogicalHash(t *testing.T) {
	s := newService(t)
	rep, err := importText(t, s, everything, ImportOptions{})
	if err != nil || rep.Refused != 0 || rep.Nodes != 3 || rep.Edges != 4 || rep.Observations != 2 || rep.Vectors != 2 || rep.Stored != 11 {
		t.Fatalf("%+v %v", rep, err)
	}
	want, err := s.LogicalHash(bg, stale, "s")
	if err != nil {
		t.Fatal(err)
	}
	lines := exported(t, s, formats.JSONL)
	for _, f := range []formats.Format{formats.JSONL, formats.CSV, formats.NQuads, formats.JSONLD, formats.GraphML} {
		text := exported(t, s, f)
		other := newService(t)
		rep, err := importText(t, other, text, ImportOptions{Format: formats.Auto})
		if err != nil || rep.Refused != 0 {
			t.Fatalf("%s: %+v %v\n%s", f, rep, err, text)
		}
		if got, err := other.LogicalHash(bg, stale, "s"); err != nil || got != want {
			t.Errorf("%s: %v\n%s became by\n%s\n%s", f, err, lines, text, exported(t, other, formats.JSONL))
		}
		again, err := importText(t, other, text, ImportOptions{Format: f})
		if err != nil || again.Created+again.Updated != 0 {
			t.Errorf("%s again: %+v %v", f, again, err)
		}
	}
}

// What a node that is there becomes.
func TestImportIfExists(t *testing.T) {
	s := newService(t)
	text := `{"node":{"key":"a","type":"n","label":"A","properties":{"x":1,"y":1}}}
{"node":{"key":"a","type":"m","label":"B","if_exists":"keep"}}
{"node":{"key":"a","type":"","properties":{"y":null,"z":2},"if_exists":"merge"}}
{"node":{"key":"b","type":"m","if_exists":"keep"}}
{"node":{"key":"c","type":"m","properties":{"x":1},"aliases":["sea"],"if_exists":"merge"}}
{"edge":{"source":"sea","target":"b","type":"T"}}
`
	rep, err := importText(t, s, text, ImportOptions{})
	if err != nil || rep.Refused != 0 || rep.Nodes != 5 || rep.Created != 4 || rep.Updated != 1 || rep.Unchanged != 1 {
		t.Fatalf("%+v %v", rep, err)
	}
	if got := exported(t, s, formats.JSONL); !strings.Contains(got, `{"key":"a","type":"n","label":"A","properties":{"x":1,"z":2}}`) || !strings.Contains(got, `"aliases":["sea"]`) {
		t.Error(got)
	}
}

// An import is taken up after what it has stored.
func TestImportFromLine(t *testing.T) {
	s := newService(t)
	text := string(lines(3000, 30_000))
	ctx, cancel := context.WithCancel(bg)
	rep, err := Import(ctx, s, strings.NewReader(text), ImportOptions{Namespace: "s", InFlight: 1, Progress: func(r ImportReport) {
		if r.Stored > 5000 {
			cancel()
		}
	}})
	if err == nil || rep.Stored <= 5000 || rep.Stored >= 33_000 {
		t.Fatalf("%+v %v", rep, err)
	}
	rest, err := importText(t, s, text, ImportOptions{FromLine: rep.Stored + 1})
	if err != nil || rest.Refused != 0 || rest.Nodes+rest.Edges != 33_000-rep.Stored || rest.Stored != 33_000 {
		t.Fatalf("%+v %v", rest, err)
	}
	whole := newService(t)
	if _, err := importText(t, whole, text, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	want, _ := whole.LogicalHash(bg, stale, "s")
	if got, err := s.LogicalHash(bg, stale, "s"); err != nil || got != want {
		t.Error("the parts are not the whole", err)
	}
}

// Any lines of few names, in any order, export to what every format keeps.
func TestFormatsProperty(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var text strings.Builder
		names := rapid.SampledFrom([]string{"a", "B", "ä ö", "http://x.y/z", "_:1"})
		for range rapid.IntRange(0, 12).Draw(rt, "lines") {
			a, b := names.Draw(rt, "a"), names.Draw(rt, "b")
			switch rapid.IntRange(0, 3).Draw(rt, "kind") {
			case 0:
				fmt.Fprintf(&text, `{"node":{"key":%q,"type":"n","label":%q,"if_exists":%q}}`, a, b, rapid.SampledFrom([]string{"replace", "keep", "merge"}).Draw(rt, "exists"))
			case 1:
				fmt.Fprintf(&text, `{"edge":{"source":%q,"target":%q,"type":"T","parallel":%d,"weight":%d}}`, a, b, rapid.IntRange(0, 1).Draw(rt, "parallel"), rapid.IntRange(1, 2).Draw(rt, "weight"))
			case 2:
				fmt.Fprintf(&text, `{"observation":{"node":%q,"text":%q}}`, a, b)
			default:
				fmt.Fprintf(&text, `{"vector":{"node":%q,"model":%q,"vector":[1,2]}}`, a, b)
			}
			text.WriteByte('\n')
		}
		s := NewService(consensustest.New(NewPart()))
		if _, err := Import(bg, s, strings.NewReader(text.String()), ImportOptions{Namespace: "s"}); err != nil {
			rt.Fatal(err)
		}
		want := exported(t, s, formats.JSONL)
		for _, f := range []formats.Format{formats.CSV, formats.NQuads, formats.JSONLD, formats.GraphML} {
			other := NewService(consensustest.New(NewPart()))
			file := exported(t, s, f)
			rep, err := Import(bg, other, strings.NewReader(file), ImportOptions{Namespace: "s", Format: f})
			if got := exported(t, other, formats.JSONL); err != nil || rep.Refused > 0 || got != want {
				rt.Fatalf("%s: %v %v\n%s\n%s\n%s", f, err, rep.Errors, want, file, got)
			}
		}
	})
}

// The examples of every format load without a refusal.
func TestImportExamples(t *testing.T) {
	files, _ := filepath.Glob("formats/testdata/*.txt")
	for _, path := range files {
		if strings.Contains(path, "edges") {
			continue // they need their nodes
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := string(txtar.Parse(data).Files[0].Data)
		s := newService(t)
		if rep, err := importText(t, s, text, ImportOptions{Format: formats.Auto}); err != nil || rep.Refused > 0 || rep.Nodes == 0 {
			t.Errorf("%s: %+v %v", path, rep, err)
		}
		if rep, err := importText(t, newService(t), text, ImportOptions{Format: formats.Auto, DryRun: true}); err != nil || rep.Refused > 0 || rep.Stored != 0 {
			t.Errorf("%s: dry: %+v %v", path, rep, err)
		}
	}
}
