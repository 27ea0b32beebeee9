package formats

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/meshd/meshd/graphsync/memory"
)

// MemoryReader reads the file of the MCP reference memory server
// (@modelcontextprotocol/server-memory), as package memory maps it:
//
//	{"type":"entity","name","entityType","observations":[…]}
//	{"type":"relation","from","to","relationType"}
type MemoryReader struct {
	queue
	*Lines
	seen seen
}

// NewMemory returns a reader of such a file.
func NewMemory(r io.Reader) *MemoryReader { return &MemoryReader{Lines: NewLines(r)} }

// Next implements Reader.
func (m *MemoryReader) Next() ([]byte, error) { return m.next(m.more) }

// Line implements Reader.
func (m *MemoryReader) Line() int { return m.queue.Line() }

type memoryLine struct {
	Type         string   `json:"type"`
	Name         string   `json:"name,omitempty"`
	EntityType   string   `json:"entityType,omitempty"`
	Observations []string `json:"observations,omitempty"`
	From         string   `json:"from,omitempty"`
	To           string   `json:"to,omitempty"`
	RelationType string   `json:"relationType,omitempty"`
}

func (m *MemoryReader) more() error {
	text, err := m.text()
	at := m.Lines.Line()
	if isLineError(err) {
		m.refuse(at, err)
		return nil
	}
	if err != nil {
		return err
	}
	var l memoryLine
	if err := json.Unmarshal(text, &l); err != nil {
		m.refuse(at, refused("the line is not a memory's: %w", err))
		return nil
	}
	switch l.Type {
	case "entity":
		m.entity(at, &l)
	case "relation":
		for _, end := range []string{l.From, l.To} {
			if m.seen.add(end) {
				m.put(at, Record{Node: &Node{Key: end, Type: memory.Mentioned, IfExists: Keep}})
			}
		}
		e := Edge{Source: l.From, Target: l.To}
		kept := false
		if e.Type, kept = memory.EdgeType(l.RelationType); kept {
			e.Predicate = l.RelationType
		}
		m.put(at, Record{Edge: &e})
	default:
		m.refuse(at, refused(`type is %.40q, and must be "entity" or "relation"`, l.Type))
	}
	return nil
}

func (m *MemoryReader) entity(at int, l *memoryLine) {
	n := Node{Key: l.Name}
	kept := false
	if n.Type, kept = memory.NodeType(l.EntityType); kept {
		n.Properties = append(appendQuoted(append(appendQuoted([]byte{'{'}, memory.TypeProperty), ':'), l.EntityType), '}')
	}
	m.seen.add(l.Name)
	m.put(at, Record{Node: &n})
	for _, text := range l.Observations {
		m.put(at, Record{Observation: &Observation{Node: l.Name, Text: text}})
	}
}

// memoryWriter writes such a file: nodes with their observations, and edges.
// Properties, provenance, aliases, weights and vectors have no place in it.
type memoryWriter struct {
	entity *memoryLine
}

func newMemoryWriter(w io.Writer) io.WriteCloser { return newSplitter(w, &memoryWriter{}) }

func (m *memoryWriter) begin(b []byte) []byte { return b }

func (m *memoryWriter) record(b []byte, r *Record) ([]byte, error) {
	switch {
	case r.Observation != nil && m.entity != nil && r.Observation.Node == m.entity.Name:
		m.entity.Observations = append(m.entity.Observations, r.Observation.Text)
		return b, nil
	case r.Node != nil:
		b, err := m.flush(b)
		if r.Node.Type == memory.Mentioned || err != nil {
			return b, err
		}
		original, kept := typeProperty(r.Node.Properties)
		m.entity = &memoryLine{Type: "entity", Name: r.Node.Key, EntityType: memory.EntityType(r.Node.Type, original, kept), Observations: []string{}}
		return b, nil
	case r.Edge != nil:
		b, err := m.flush(b)
		if err != nil {
			return b, err
		}
		return appendJSON(b, &memoryLine{Type: "relation", From: r.Edge.Source, To: r.Edge.Target, RelationType: memory.RelationType(r.Edge.Type, r.Edge.Predicate)})
	}
	return b, nil
}

func typeProperty(properties json.RawMessage) (original string, kept bool) {
	if !bytes.Contains(properties, []byte(memory.TypeProperty)) {
		return "", false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(properties, &members) != nil {
		return "", false
	}
	kept = json.Unmarshal(members[memory.TypeProperty], &original) == nil
	return original, kept
}

func (m *memoryWriter) flush(b []byte) ([]byte, error) {
	if m.entity == nil {
		return b, nil
	}
	e := m.entity
	m.entity = nil
	// The server wants the list also where it is empty.
	type full struct {
		Type         string   `json:"type"`
		Name         string   `json:"name"`
		EntityType   string   `json:"entityType"`
		Observations []string `json:"observations"`
	}
	return appendJSON(b, full{e.Type, e.Name, e.EntityType, e.Observations})
}

func (m *memoryWriter) end(b []byte) ([]byte, error) { return m.flush(b) }

func appendJSON(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return b, fmt.Errorf("writing a memory: %w", err)
	}
	return append(append(b, text...), '\n'), nil
}
