package graphsync

import (
	"encoding/json"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Show says how much of each node and edge an answer shows.
type Show string

// Details of answers. The zero value is ShowFull.
const (
	ShowIDs     Show = "ids"     // ids and keys
	ShowSummary Show = "summary" // and types, labels and short properties
	ShowFull    Show = "full"
)

// Bounds of the bytes of an answer.
const (
	// MaxBudget is the default too: the records of an answer, as they are
	// spelled in JSON, are below MaxAnswerBytes with all that is around them.
	MaxBudget = MaxAnswerBytes - 64<<10
	MinBudget = 1 << 10

	// maxShort bounds a property value that a summary shows, maxShorts all of
	// them together, in bytes of JSON.
	maxShort  = 128
	maxShorts = 1 << 10
)

// Answer is how large a read's answer may be. The zero value is all of it, up
// to MaxBudget.
type Answer struct {
	Detail Show
	// Budget bounds the bytes of JSON; the first record is given even where it
	// takes more.
	Budget int
}

func (a Answer) check() *consensus.Refusal {
	switch a.Detail {
	case "", ShowIDs, ShowSummary, ShowFull:
	default:
		return invalid("detail", "must be ids, summary or full")
	}
	if a.Budget != 0 && (a.Budget < MinBudget || a.Budget > MaxBudget) {
		return invalid("budget", "must be %d to %d", MinBudget, MaxBudget)
	}
	return nil
}

// answerBudget is what is left of an answer's bytes.
type answerBudget struct {
	detail Show
	left   int
	begun  bool
}

func (a Answer) budget() answerBudget {
	b := answerBudget{detail: a.Detail, left: a.Budget}
	if b.left == 0 {
		b.left = MaxBudget
	}
	return b
}

// take says whether a record of a size goes into the answer.
func (b *answerBudget) take(size int) bool {
	if b.begun && size > b.left {
		return false
	}
	b.begun = true
	b.left -= size
	return true
}

// node is how many bytes a node adds to the answer, and a few more.
func (b *answerBudget) node(n *Node) int {
	size := 36 + textSize(n.Key)
	if b.detail == ShowIDs {
		return size
	}
	size += 64 + textSize(n.Label) + len(n.NodeType)
	if b.detail == ShowSummary {
		return size + min(len(n.Properties), maxShorts)
	}
	for _, alias := range n.Aliases {
		size += 4 + textSize(alias)
	}
	return size + 240 + textSize(n.SessionID) + textSize(n.CreatedBy) + textSize(n.UpdatedBy) + len(n.Properties)
}

// edge is how many bytes an edge adds to the answer, and a few more.
func (b *answerBudget) edge(e *Edge) int {
	const ids = 72
	switch b.detail {
	case ShowIDs:
		return ids
	case ShowSummary:
		return ids + 160 + len(e.EdgeType) + textSize(e.Predicate)
	}
	return ids + 440 + len(e.EdgeType) + textSize(e.Predicate) + textSize(e.SessionID) + textSize(e.CreatedBy) + textSize(e.UpdatedBy) +
		textSize(e.Provenance.Provenance) + len(e.Properties)
}

// textSize is at least how long a string is in JSON.
func textSize(s string) int {
	n := len(s) + 2
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ':
			n += 5
		case c == '"' || c == '\\':
			n++
		case c == 0xe2: // the line separators U+2028 and U+2029 are escaped
			n += 3
		}
	}
	return n
}

// NodeRef is a node in ShowIDs.
type NodeRef struct {
	ID  uint64 `json:"id"`
	Key string `json:"key,omitempty"`
}

// NodeSummary is a node in ShowSummary. Properties are those with short
// values; Cut says that others were left out.
type NodeSummary struct {
	NodeRef
	NodeType   string          `json:"node_type"`
	Label      string          `json:"label"`
	Properties json.RawMessage `json:"properties,omitempty"`
	Cut        bool            `json:"properties_cut,omitempty" doc:"some properties are not shown"`
}

// Ref is the node in ShowIDs.
func (n *Node) Ref() NodeRef { return NodeRef{n.ID, n.Key} }

// Summary is the node in ShowSummary.
func (n *Node) Summary() NodeSummary {
	s := NodeSummary{NodeRef: n.Ref(), NodeType: n.NodeType, Label: n.Label}
	s.Properties, s.Cut = shortProperties(n.Properties)
	return s
}

// EdgeRef is an edge in ShowIDs.
type EdgeRef struct {
	ID       uint64 `json:"id"`
	SourceID uint64 `json:"source_id"`
	TargetID uint64 `json:"target_id"`
}

// EdgeSummary is an edge in ShowSummary.
type EdgeSummary struct {
	EdgeRef
	EdgeType  string     `json:"edge_type"`
	Predicate string     `json:"predicate,omitempty"`
	Weight    float64    `json:"weight"`
	ValidFrom *time.Time `json:"valid_from,omitempty"`
	ValidTo   *time.Time `json:"valid_to,omitempty"`
}

// Ref is the edge in ShowIDs.
func (e *Edge) Ref() EdgeRef { return EdgeRef{e.ID, e.SourceID, e.TargetID} }

// Summary is the edge in ShowSummary.
func (e *Edge) Summary() EdgeSummary {
	return EdgeSummary{e.Ref(), e.EdgeType, e.Predicate, e.Weight, e.ValidFrom, e.ValidTo}
}

// shortProperties keeps the members of a canonical object whose values are
// short, in their order.
func shortProperties(props json.RawMessage) (short json.RawMessage, cut bool) {
	if len(props) <= len("{}") {
		return nil, false
	}
	all, err := members(props)
	if err != nil {
		return nil, true
	}
	out := []byte{'{'}
	for _, m := range all {
		name, value := m.name(props), m.value(props)
		if len(value) > maxShort || len(out)+len(name)+len(value)+5 > maxShorts {
			cut = true
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), name...), '"', ':'), value...)
	}
	if len(out) == 1 {
		return nil, cut
	}
	return append(out, '}'), cut
}
