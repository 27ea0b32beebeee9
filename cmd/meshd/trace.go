package main

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// traceBody is the answer of GET /traces/{trace_id}.
type traceBody struct {
	TraceID string      `json:"trace_id"`
	Spans   []traceSpan `json:"spans"`
	Silent  []string    `json:"silent"`
}

type traceSpan struct {
	SpanID     string            `json:"span_id"`
	ParentID   string            `json:"parent_id,omitempty"`
	Name       string            `json:"name"`
	NodeID     string            `json:"node_id"`
	Node       string            `json:"node"`
	StartedAt  time.Time         `json:"started_at"`
	TookUs     int64             `json:"took_us"`
	Code       string            `json:"code,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

func traceCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:   "trace ID",
		Short: "Show the way of one message across the nodes",
		Long: `trace prints what the nodes remember of one trace, as a tree: what was done, at
which node, when after the first of it, for how long, and what it came to. ID is a
trace id of 32 hex digits or a whole traceparent (W3C trace context).

A message is traced if it was sent with "meshd send --trace", if its sender gave it
a traceparent that ends in 01 (a field over WebSocket, the header of that name over
HTTP), or if the node that took it traces a share of all by itself (trace.sample).
Times are of each node's clock.`,
		Example: "  meshd trace 4bf92f3577b34da6a3ce929d0e0e4736\n  meshd send librarian 'what is there' --wait --trace",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var t traceBody
			if err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/traces/" + url.PathEscape(args[0])}, &t); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(t, func() error {
				if err := p.Table("there are no spans", []string{"SPAN", "NODE", "AFTER", "TOOK", "CODE", ""}, t.rows()); err != nil {
					return err
				}
				if len(t.Silent) > 0 {
					p.Hint("%s did not answer: what was done there is missing", strings.Join(t.Silent, ", "))
				}
				return nil
			})
		}),
	})
}

// rows are the spans as a tree. What hangs below a span that nobody has, such
// as the client's own, is at the top.
func (t *traceBody) rows() (rows [][]string) {
	below := map[string][]traceSpan{}
	known := map[string]bool{}
	for _, s := range t.Spans {
		known[s.SpanID] = true
	}
	for _, s := range t.Spans {
		parent := s.ParentID
		if !known[parent] || parent == s.SpanID {
			parent = ""
		}
		below[parent] = append(below[parent], s)
	}
	drawn := map[string]bool{}
	var draw func(spans []traceSpan, indent string)
	draw = func(spans []traceSpan, indent string) {
		for i, s := range spans {
			if drawn[s.SpanID] {
				continue
			}
			drawn[s.SpanID] = true
			branch, inner := "├─ ", "│  "
			if i == len(spans)-1 {
				branch, inner = "└─ ", "   "
			}
			if indent == "" && len(below[""]) == 1 {
				branch, inner = "", ""
			}
			after := s.StartedAt.Sub(t.Spans[0].StartedAt)
			rows = append(rows, []string{
				indent + branch + s.Name, s.Node, milliseconds(after), milliseconds(time.Duration(s.TookUs) * time.Microsecond), s.Code, attributesOf(s),
			})
			next := indent + inner
			if next == "" {
				next = " "
			}
			draw(below[s.SpanID], next)
		}
	}
	draw(below[""], "")
	for _, s := range t.Spans {
		draw([]traceSpan{s}, "") // what hangs in a circle, which no honest node makes
	}
	return rows
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}

func attributesOf(s traceSpan) string {
	var words []string
	for _, k := range slices.Sorted(maps.Keys(s.Attributes)) {
		words = append(words, k+"="+output.Clean(s.Attributes[k]))
	}
	return strings.Join(words, " ")
}
