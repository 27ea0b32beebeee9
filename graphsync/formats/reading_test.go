package formats

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Each file of testdata has an input and the import lines and refusals it gives.
// UPDATE=1 writes them anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			format, told := OfName(a.Files[0].Name)
			if !told {
				if format, err = Parse(strings.TrimSuffix(a.Files[0].Name, filepath.Ext(a.Files[0].Name))); err != nil {
					t.Fatal(err)
				}
			}
			text := string(a.Files[0].Data)
			if guessed := Guess([]byte(text)); guessed != format {
				t.Errorf("guessed as %s", guessed)
			}
			lines, refusals, err := read(t, format, text)
			got := ""
			for _, l := range lines {
				got += l + "\n"
			}
			for _, r := range refusals {
				got += "refused: " + r + "\n"
			}
			if err != nil {
				got += fmt.Sprintf("ended: %v\n", err)
			}
			if os.Getenv("UPDATE") != "" {
				a.Files = append(a.Files[:1], txtar.File{Name: "lines", Data: []byte(got)})
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) < 2 || got != string(a.Files[1].Data) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}

// Hostile input is refused in bounded memory, with a sentence.
func TestHostile(t *testing.T) {
	laughs := `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><graphml><graph><node id="&lol2;"/></graph></graphml>`
	big := strings.Repeat("x", 10<<20)
	for name, c := range map[string]struct {
		format     Format
		text, says string
	}{
		"billion laughs":     {GraphML, laughs, "document type"},
		"entity":             {GraphML, `<graphml><graph><node id="&lol;"/></graph></graphml>`, "entity"},
		"deep XML":           {GraphML, "<graphml>" + strings.Repeat("<graph>", 100), "nested deeper"},
		"deep data":          {GraphML, `<graphml><graph><node id="a"><data key="k">` + strings.Repeat("<y>", 100), "nested deeper"},
		"XML attribute":      {GraphML, `<graphml><graph><node id="` + big, "longer than"},
		"XML text":           {GraphML, `<graphml><graph><node id="a"><data key="k">` + big, "longer than"},
		"cut XML":            {GraphML, `<graphml><graph><node id="a">`, "EOF"},
		"other XML":          {GraphML, `<html/>`, "not graphml"},
		"no XML":             {GraphML, ``, "no graphml"},
		"XML of Latin 1":     {GraphML, "<graphml><graph><node id=\"\xe9\"/></graph></graphml>", "UTF-8"},
		"hyperedge":          {GraphML, `<graphml><graph><hyperedge><endpoint node="a"/></hyperedge></graph></graphml>`, "hyperedge is not taken"},
		"data undeclared":    {GraphML, `<graphml><graph><node id="a"><data key="k">1</data></node></graph></graphml>`, "not declared"},
		"data twice":         {GraphML, `<graphml><key id="k" attr.name="x"/><graph><node id="a"><data key="k">1</data><data key="k">1</data></node></graph></graphml>`, "twice"},
		"number":             {GraphML, `<graphml><key id="k" attr.name="x" attr.type="int"/><graph><node id="a"><data key="k">one</data></node></graph></graphml>`, "number"},
		"CSV quote":          {CSV, "key,type\na,\"" + big, "longer than"},
		"CSV without header": {CSV, "a,b\n1,2\n", "names no column"},
		"CSV twice":          {CSV, "key,key\n1,2\n", "twice"},
		"CSV half an edge":   {CSV, "key,source\n1,2\n", "both source and target"},
		"CSV columns":        {CSV, strings.Repeat("key,", 5000) + "\n", "columns"},
		"CSV fields":         {CSV, "key,type\na,b,c\n", "3 fields"},
		"CSV no key":         {CSV, "key,type\n,b\n", "names no key"},
		"CSV UTF-8":          {CSV, "key,type\n\xff,b\n", "UTF-8"},
		"CSV number":         {CSV, "key,age:int\na,old\n", "number"},
		"CSV bare quote":     {CSV, "key,type\na\"b,c\n", "quote"},
		"nquads long":        {NQuads, "<a:b> <c:d> \"" + big + "\" .\n", "longer than"},
		"nquads no stop":     {NQuads, "<a:b> <c:d> <e:f>\n", "full stop"},
		"nquads literal":     {NQuads, "\"a\" <c:d> <e:f> .\n", "not a statement"},
		"nquads escape":      {NQuads, `<a:b> <c:d> "\q" .`, "followed by"},
		"nquads surrogate":   {NQuads, `<a:b> <c:d> "\uD800" .`, "followed by"},
		"nquads relative":    {NQuads, `<a> <c:d> <e:f> .`, "relative"},
		"nquads space":       {NQuads, `<a:b c> <c:d> <e:f> .`, "character"},
		"nquads UTF-8":       {NQuads, "<a:b> <c:d> \"\xff\" .", "UTF-8"},
		"JSON-LD remote":     {JSONLD, `{"@context":"https://schema.org","@graph":[]}`, "not fetched"},
		"JSON-LD deep":       {JSONLD, `[` + strings.Repeat(`{"a:b":`, 200) + `1` + strings.Repeat(`}`, 200) + `]`, "nested deeper"},
		"JSON-LD very deep":  {JSONLD, `[` + strings.Repeat(`[`, 200_000), "depth"},
		"JSON-LD long":       {JSONLD, `[{"a:b":"` + big, "longer than"},
		"JSON-LD cut":        {JSONLD, `{"@graph":[{"@id":"a:b"}`, "cut short"},
		"JSON-LD late":       {JSONLD, `{"@graph":[],"@context":{}}`, "comes after"},
		"JSON-LD more":       {JSONLD, `[] []`, "after the end"},
		"JSON-LD reverse":    {JSONLD, `[{"@reverse":{}}]`, "not understood"},
		"JSON-LD number":     {JSONLD, `7`, "neither"},
		"memory":             {Memory, `{"type":"thing"}`, `must be "entity"`},
		"memory JSON":        {Memory, `{"type":`, "not a memory's"},
		"memory UTF-8":       {Memory, "{\"type\":\"entity\",\"name\":\"\xff\"}", "UTF-8"},
		"line":               {JSONL, big, "longer than"},
		"Debian":             {Debian, "Package: a\nno field\n", "neither a field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, refusals, err := read(t, c.format, c.text)
			if err != nil {
				refusals = append(refusals, err.Error())
			}
			said := strings.Join(refusals, "\n")
			if !strings.Contains(said, c.says) || len(said) > 4000 {
				t.Errorf("%.300q, want %q", said, c.says)
			}
		})
	}
}

func FuzzReaders(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, path := range files {
		if a, err := txtar.ParseFile(path); err == nil {
			f.Add(a.Files[0].Data, uint8(1))
			f.Add(a.Files[0].Data, uint8(0))
		}
	}
	names := append([]string{string(Auto)}, Names(false)...)
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		format := Format(names[int(which)%len(names)])
		lines, _, _ := read(t, format, string(data))
		if format == JSONL || format == Auto {
			return // lines as they come
		}
		for _, l := range lines {
			r, err := ParseRecord([]byte(l))
			if err != nil {
				t.Fatalf("%q: %v", l, err)
			}
			if _, err := r.AppendLine(nil); err != nil {
				t.Fatalf("%q: %v", l, err)
			}
		}
	})
}
