package formats

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"path"
	"strings"
)

// Format is the name of a form of file, as requests and the command line say it.
type Format string

// The formats.
const (
	Auto    Format = "auto"    // for reading: told by the first bytes
	JSONL   Format = "jsonl"   // import lines
	CSV     Format = "csv"     // one table; see NewCSV
	NQuads  Format = "nquads"  // N-Quads and N-Triples (RDF 1.1)
	JSONLD  Format = "jsonld"  // a part of JSON-LD 1.1; see NewJSONLD
	GraphML Format = "graphml" // XML
	Memory  Format = "memory"  // the MCP reference memory server's file
	Debian  Format = "debian"  // Packages files; cannot be written
)

// form is what there is to know of a format.
type form struct {
	name       Format
	also       []string // other names
	extensions []string
	types      []string // media types; the first is written
	read       func(io.Reader) Reader
	write      func(io.Writer) io.WriteCloser
}

func reads[R Reader](fn func(io.Reader) R) func(io.Reader) Reader {
	return func(r io.Reader) Reader { return fn(r) }
}

func forms() []form {
	return []form{
		{JSONL, []string{"ndjson"}, []string{".jsonl", ".ndjson"}, []string{"application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/ndjson"},
			reads(NewJSONL), func(w io.Writer) io.WriteCloser { return nopCloser{w} }},
		{CSV, []string{"tsv"}, []string{".csv", ".tsv"}, []string{"text/csv", "text/tab-separated-values"}, reads(NewCSV), newCSVWriter},
		{NQuads, []string{"nq", "nt", "ntriples", "n-quads", "n-triples"}, []string{".nq", ".nt"}, []string{"application/n-quads", "application/n-triples"}, reads(NewNQuads), newNQuadsWriter},
		{JSONLD, []string{"json-ld"}, []string{".jsonld"}, []string{"application/ld+json"}, reads(NewJSONLD), newJSONLDWriter},
		{GraphML, nil, []string{".graphml", ".xml"}, []string{"application/graphml+xml", "application/xml", "text/xml"}, reads(NewGraphML), newGraphMLWriter},
		{Memory, []string{"mcp"}, nil, nil, reads(NewMemory), newMemoryWriter},
		{Debian, nil, nil, nil, reads(NewDebian), nil},
	}
}

// Names lists the formats that can be read, or those that can be written.
func Names(written bool) (out []string) {
	for _, f := range forms() {
		if !written || f.write != nil {
			out = append(out, string(f.name))
		}
	}
	return out
}

func find(is func(*form) bool) (form, bool) {
	for _, f := range forms() {
		if is(&f) {
			return f, true
		}
	}
	return form{}, false
}

func has(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// Parse finds a format by one of its names, Auto among them.
func Parse(name string) (Format, error) {
	if name == string(Auto) {
		return Auto, nil
	}
	f, ok := find(func(f *form) bool { return strings.EqualFold(string(f.name), name) || has(f.also, name) })
	if !ok {
		return "", fmt.Errorf("%.40q is not a format; there are %s", name, strings.Join(Names(false), ", "))
	}
	return f.name, nil
}

// OfType finds the format that a Content-Type names, false where it is none's.
func OfType(contentType string) (Format, bool) {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false
	}
	f, ok := find(func(f *form) bool { return has(f.types, media) })
	return f.name, ok
}

// OfName finds the format that a file's name speaks of, with or without .gz,
// false where it speaks of none.
func OfName(name string) (Format, bool) {
	name = strings.TrimSuffix(strings.ToLower(path.Base(name)), ".gz")
	f, ok := find(func(f *form) bool { return has(f.extensions, path.Ext(name)) })
	return f.name, ok
}

// MediaTypes lists what the Content-Type of a body may be; the first belongs to
// the first format.
func MediaTypes() (out []string) {
	for _, f := range forms() {
		out = append(out, f.types...)
	}
	return out
}

// MediaType is the Content-Type of what a Writer of the format writes.
func (f Format) MediaType() string {
	if got, ok := find(func(x *form) bool { return x.name == f }); ok && len(got.types) > 0 {
		return got.types[0]
	}
	return "application/x-ndjson"
}

// NewReader returns a reader of a format. What is compressed with gzip is
// decompressed.
func NewReader(r io.Reader, format Format) (Reader, error) {
	r, err := decompress(r)
	if err != nil {
		return nil, err
	}
	if format == Auto {
		head := newHead(r)
		format, r = Guess(head.first), head
	}
	f, ok := find(func(f *form) bool { return f.name == format })
	if !ok {
		return nil, fmt.Errorf("%.40q is not a format", string(format))
	}
	return f.read(r), nil
}

// NewWriter returns a writer that takes the import lines of an export, in
// pieces of any size, and writes a format. Close ends the file and leaves w
// open.
func NewWriter(w io.Writer, format Format) (io.WriteCloser, error) {
	f, ok := find(func(f *form) bool { return f.name == format })
	if !ok || f.write == nil {
		return nil, fmt.Errorf("%.40q is not a format that can be written; there are %s", string(format), strings.Join(Names(true), ", "))
	}
	return f.write(w), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// Guess tells a format by the first bytes of a file, at most some KiB; JSONL
// where it cannot be told.
func Guess(first []byte) Format {
	text := bytes.TrimSpace(bytes.TrimPrefix(first, byteOrderMark))
	start, _, _ := bytes.Cut(text, []byte("\n"))
	start = bytes.TrimSpace(start)
	switch {
	case len(text) == 0:
		return JSONL
	case bytes.HasPrefix(start, []byte("Package: ")):
		return Debian
	case hasAny(start, `{"node":`, `{"edge":`, `{"observation":`, `{"vector":`, `{"schema":`):
		return JSONL
	case text[0] == '[', bytes.Contains(text, []byte(`"@context"`)), bytes.Contains(text, []byte(`"@graph"`)), bytes.Contains(text, []byte(`"@id"`)):
		return JSONLD
	case text[0] == '{':
		if bytes.Contains(start, []byte(`"type":"entity"`)) || bytes.Contains(start, []byte(`"type":"relation"`)) {
			return Memory
		}
		return JSONL
	case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<graphml")), bytes.HasPrefix(text, []byte("<!--")):
		return GraphML
	case text[0] == '<', bytes.HasPrefix(text, []byte("_:")), text[0] == '#' && bytes.ContainsRune(text, '<'):
		return NQuads
	}
	return CSV
}

func hasAny(text []byte, prefixes ...string) bool {
	for _, p := range prefixes {
		if bytes.HasPrefix(text, []byte(p)) {
			return true
		}
	}
	return false
}
