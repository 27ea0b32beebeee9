package formats

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// GraphMLReader reads GraphML as networkx, Gephi, igraph and yEd write it, while
// it arrives: nodes and edges with data under keys that say name and type; nested
// graphs are read as if they were not nested. Not taken are hyperedges, ports and
// whatever begins with "<!DOCTYPE": entities are not expanded.
//
// A key's attr.name says what the data is, by the names of a table's columns
// (see column); any other is a property, with the key's attr.type. yEd's labels
// (y:NodeLabel, y:EdgeLabel) are the label of a node and the type of an edge.
type GraphMLReader struct {
	queue
	in     *budget
	dec    *xml.Decoder
	keys   map[string]graphKey
	depth  int
	open   []element
	failed error
	begun  bool
}

type graphKey struct {
	column
	fallback string // the default
	set      bool
	domain   string // node, edge, graph, all
}

// element is an open node or edge.
type element struct {
	kind  string
	line  int
	row   row
	given map[string]bool // keys with data
	err   error
}

const (
	maxXMLDepth = 64
	maxKeys     = 4096
)

// NewGraphML returns a reader of one document.
func NewGraphML(r io.Reader) *GraphMLReader {
	g := &GraphMLReader{in: &budget{r: r}, keys: map[string]graphKey{}}
	g.dec = xml.NewDecoder(bufio.NewReaderSize(g.in, 64<<10))
	return g
}

// Next implements Reader.
func (g *GraphMLReader) Next() ([]byte, error) { return g.next(g.more) }

// Bytes implements Reader; it counts what was read ahead too.
func (g *GraphMLReader) Bytes() int64 { return g.in.total }

func (g *GraphMLReader) here() int {
	line, _ := g.dec.InputPos()
	return line
}

func (g *GraphMLReader) more() error {
	if g.failed != nil {
		return g.failed
	}
	g.in.renew()
	t, err := g.dec.Token()
	if errors.Is(err, io.EOF) && !g.begun {
		err = errors.New("the document has no graphml element")
	}
	if err == nil {
		err = g.token(t)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("line %d: %w", g.here(), err)
	}
	g.failed = err
	return err
}

func (g *GraphMLReader) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.Directive:
		return errors.New("a document type (<!DOCTYPE) is not taken")
	case xml.StartElement:
		return g.start(t)
	case xml.EndElement:
		g.depth--
		if t.Name.Local == "node" || t.Name.Local == "edge" {
			g.end()
		}
	}
	return nil
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (g *GraphMLReader) start(t xml.StartElement) error {
	if g.depth++; g.depth > maxXMLDepth {
		return fmt.Errorf("elements are nested deeper than %d levels", maxXMLDepth)
	}
	if !g.begun && t.Name.Local != "graphml" {
		return fmt.Errorf("the document is %.40q, not graphml", t.Name.Local)
	}
	g.begun = true
	switch t.Name.Local {
	case "key":
		return g.key(t)
	case "node":
		g.push("node", map[string]string{"key": attribute(t, "id")})
	case "edge":
		g.push("edge", map[string]string{"source": attribute(t, "source"), "target": attribute(t, "target")})
	case "data":
		return g.data(t)
	case "hyperedge", "port", "endpoint":
		g.refuse(g.here(), refused("%s is not taken", t.Name.Local))
		return g.skip()
	case "desc", "default", "locator":
		return g.skip()
	}
	return nil
}

func (g *GraphMLReader) push(kind string, fields map[string]string) {
	g.open = append(g.open, element{kind: kind, line: g.here(), row: row{fields: fields}, given: map[string]bool{}})
}

func (g *GraphMLReader) skip() error {
	g.depth--
	_, _, err := g.content(0)
	return err
}

// content reads the text within the element that has begun, to its end, and
// what yEd has there as a label.
func (g *GraphMLReader) content(depth int) (text, label string, err error) {
	if g.depth+depth > maxXMLDepth {
		return "", "", fmt.Errorf("elements are nested deeper than %d levels", maxXMLDepth)
	}
	var b strings.Builder
	for {
		g.in.renew()
		t, err := g.dec.Token()
		if err != nil {
			return "", "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			if b.Len()+len(t) > MaxLine {
				return "", "", fmt.Errorf("a text is longer than %d bytes", MaxLine)
			}
			b.Write(t)
		case xml.Directive:
			return "", "", errors.New("a document type (<!DOCTYPE) is not taken")
		case xml.StartElement:
			inner, deeper, err := g.content(depth + 1)
			if err != nil {
				return "", "", err
			}
			if strings.HasSuffix(t.Name.Local, "Label") && label == "" {
				label = strings.TrimSpace(inner)
			} else if label == "" {
				label = deeper
			}
		case xml.EndElement:
			return b.String(), label, nil
		}
	}
}
