package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
)

// queryThing is a node, a relationship or a path in a cell.
type queryThing struct {
	ID            *uint64      `json:"id"`
	Label         string       `json:"label"`
	Labels        []string     `json:"labels"`
	Type          string       `json:"type"`
	SourceID      *uint64      `json:"source_id"`
	TargetID      *uint64      `json:"target_id"`
	Nodes         []queryThing `json:"nodes"`
	Relationships []queryThing `json:"relationships"`
}

// cellText shows a cell to people: a node by its label, a path as a chain.
func cellText(cell json.RawMessage) string {
	switch cell[0] {
	case '"':
		return csvText(cell)
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(cell, &items) != nil {
			break
		}
		texts := make([]string, len(items))
		for i, item := range items {
			texts[i] = cellText(item)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case '{':
		var t queryThing
		if json.Unmarshal(cell, &t) != nil {
			break
		}
		switch {
		case t.ID != nil && t.Labels != nil:
			return t.node()
		case t.ID != nil && t.SourceID != nil && t.TargetID != nil:
			return fmt.Sprintf("%d -[%s]-> %d", *t.SourceID, t.Type, *t.TargetID)
		case len(t.Nodes) == len(t.Relationships)+1:
			return t.path()
		}
	}
	return string(cell)
}

func (t *queryThing) node() string {
	if len(t.Labels) == 0 {
		return t.Label
	}
	return t.Label + " (" + strings.Join(t.Labels, ":") + ")"
}

func (t *queryThing) path() string {
	var b strings.Builder
	for i := range t.Nodes {
		if i > 0 {
			r := &t.Relationships[i-1]
			if r.SourceID != nil && t.Nodes[i-1].ID != nil && *r.SourceID == *t.Nodes[i-1].ID {
				b.WriteString(" -[" + r.Type + "]-> ")
			} else {
				b.WriteString(" <-[" + r.Type + "]- ")
			}
		}
		b.WriteString(t.Nodes[i].node())
	}
	return b.String()
}

// pointAt shows the line of a query that was refused, with a mark under the
// place.
func pointAt(text string, err error) string {
	var e *caller.Error
	if !errors.As(err, &e) {
		return ""
	}
	line, _ := strconv.Atoi(fmt.Sprint(e.Details["line"]))
	column, _ := strconv.Atoi(fmt.Sprint(e.Details["column"]))
	lines := strings.Split(text, "\n")
	if line < 1 || line > len(lines) || column < 1 {
		return ""
	}
	shown := []rune(strings.ReplaceAll(strings.TrimRight(lines[line-1], "\r"), "\t", " "))
	column = min(column, len(shown)+1)
	const around = 60
	from, to := max(0, column-1-around), min(len(shown), column-1+around)
	return "  " + string(shown[from:to]) + "\n  " + strings.Repeat(" ", column-1-from) + "^\n"
}
