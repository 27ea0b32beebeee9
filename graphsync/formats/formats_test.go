package formats

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// read returns the import lines and the refusals of a text, and how reading ended.
func read(t testing.TB, format Format, text string) (lines, refusals []string, end error) {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), format)
	if err != nil {
		return nil, nil, err
	}
	for {
		line, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return lines, refusals, nil
		case errors.Is(err, ErrLine):
			refusals = append(refusals, err.Error())
		case err != nil:
			return lines, refusals, err
		default:
			if _, raw := r.(JSONLReader); !raw && !json.Valid(line) {
				t.Fatalf("not JSON: %q", line)
			}
			lines = append(lines, string(line))
		}
		if len(lines)+len(refusals) > 1_000_000 {
			t.Fatal("the reader does not end")
		}
	}
}

func write(t testing.TB, format Format, lines []string, size int) string {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, format)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(lines, "\n") + "\n"
	for len(all) > 0 { // in pieces of any size
		n := min(size, len(all))
		if _, err := io.WriteString(w, all[:n]); err != nil {
			t.Fatal(err)
		}
		all = all[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// whole are the formats that lose nothing.
var whole = []Format{JSONL, CSV, NQuads, JSONLD, GraphML}

// anyText is text as keys and labels may be: all but NUL.
func anyText(t *rapid.T, what string, min int) string {
	return rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("ab :/#<>\"'\\&;,|\t\n\r\x01\x7f\u0085\u2028\ufffe\uffffé漢🙂_%{}[]^`@")), min, 12, -1),
		rapid.SampledFrom([]string{"http://a.example/x#y", "urn:meshd:node:a", "_:12", "type:x", "label:a", "a:b", "rdfs:x", "=1+1", "\r\n", "-5", "true", "[x]", "{}"}),
	).Draw(t, what)
}

func anyObject(t *rapid.T) json.RawMessage {
	if rapid.Bool().Draw(t, "has properties") {
		return nil
	}
	b := []byte{'{'}
	names := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string { return anyText(t, "name", 0) }), 1, 3, rapid.ID).Draw(t, "names")
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, name), ':')
		if rapid.Bool().Draw(t, "text") {
			b = appendQuoted(b, anyText(t, "value", 0))
		} else {
			b = append(b, rapid.SampledFrom([]string{"1", "1.0", "-12345678901234567890", "1e-7", "null", "true", `[1,{"a":[]}]`, `{"@id":"x"}`}).Draw(t, "raw")...)
		}
	}
	return append(b, '}')
}

func anyTold(t *rapid.T) (out Told) {
	maybe := rapid.Bool()
	if maybe.Draw(t, "from") {
		out.ValidFrom = "0001-02-03T00:00:00Z"
	}
	if maybe.Draw(t, "to") {
		out.ValidTo = "2024-02-03T04:05:06.789Z"
	}
	if maybe.Draw(t, "source") {
		out.Provenance = anyText(t, "provenance", 1)
	}
	if maybe.Draw(t, "sure") {
		out.Confidence = json.Number(rapid.SampledFrom([]string{"0", "1", "0.25", "1e-9"}).Draw(t, "confidence"))
	}
	if maybe.Draw(t, "ends") {
		out.ExpiresAt = "2999-01-01T00:00:00Z"
	}
	return out
}

func anyType(t *rapid.T) string {
	return rapid.SampledFrom([]string{"n", "_", "A.b:c-d", "WROTE", "Directed", strings.Repeat("x", 64)}).Draw(t, "type")
}

func anyRecord(t *rapid.T) Record {
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		n := Node{Key: anyText(t, "key", 1), Type: anyType(t), Label: anyText(t, "label", 1), Properties: anyObject(t)}
		for range rapid.IntRange(0, 2).Draw(t, "aliases") {
			n.Aliases = append(n.Aliases, anyText(t, "alias", 1))
		}
		if rapid.Bool().Draw(t, "ends") {
			n.ExpiresAt = "2999-01-01T00:00:00Z"
		}
		return Record{Node: &n}
	case 1:
		e := Edge{Source: anyText(t, "source", 1), Target: anyText(t, "target", 1), Type: anyType(t), Properties: anyObject(t),
			Parallel: rapid.Uint32Range(0, 2).Draw(t, "parallel"), Told: anyTold(t)}
		e.Weight = json.Number(rapid.SampledFrom([]string{"", "0", "-0.5", "1e+300", "2"}).Draw(t, "weight"))
		if rapid.Bool().Draw(t, "worded") {
			e.Predicate = anyText(t, "predicate", 1)
		}
		return Record{Edge: &e}
	case 2:
		return Record{Observation: &Observation{Node: anyText(t, "key", 1), Text: anyText(t, "text", 1), Properties: anyObject(t), Told: anyTold(t)}}
	}
	return Record{Vector: &Vector{Node: anyText(t, "key", 1), Model: anyText(t, "model", 1), Vector: json.RawMessage("[0.5,-1e-7,3]")}}
}

// plain is a line in one spelling of JSON, as an import would see it.
func plain(t testing.TB, line string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// What a writer wrote, the reader of that format reads as it was.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var lines []string
		for i := range rapid.IntRange(0, 5).Draw(rt, "records") {
			r := anyRecord(rt)
			if r.Node != nil { // a node comes once
				r.Node.Key += strconv.Itoa(i)
			}
			line, err := r.AppendLine(nil)
			if err != nil {
				rt.Fatal(err)
			}
			lines = append(lines, string(line))
		}
		for _, f := range whole {
			text := write(t, f, lines, rapid.IntRange(1, 100).Draw(rt, "piece"))
			got, refusals, err := read(t, f, text)
			if err != nil || len(refusals) > 0 || len(got) != len(lines) {
				rt.Fatalf("%s: %v %v\n%q\n%s\n%q", f, err, refusals, lines, text, got)
			}
			for i := range lines {
				if plain(t, lines[i]) != plain(t, got[i]) {
					rt.Fatalf("%s:\n%s became\n%s by\n%s", f, lines[i], got[i], text)
				}
			}
		}
	})
}

func TestGzip(t *testing.T) {
	pack := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text)
		z.Close()
		return b.String()
	}
	line := `{"node":{"key":"a","type":"n"}}` + "\n"
	packed := pack(line)
	if got, _, err := read(t, Auto, packed); err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if got, _, err := read(t, JSONL, packed+packed); err != nil || len(got) != 2 { // members follow each other
		t.Fatal(got, err)
	}
	if _, _, err := read(t, JSONL, packed[:len(packed)-9]); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Fatal(err)
	}
	if _, _, err := read(t, JSONL, packed[:4]); err == nil {
		t.Fatal("half a header passes")
	}
	bomb := pack(strings.Repeat(" ", ratioFree+1<<20))
	if _, _, err := read(t, JSONL, bomb); !errors.Is(err, errBomb) {
		t.Fatal(err)
	}
}
