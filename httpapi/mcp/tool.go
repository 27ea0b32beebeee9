package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// tool is a tool of the server: what clients see of it, and what it does.
type tool struct {
	name, title, doc string
	in, out          []field
	// reference marks a tool of the reference server: it ignores arguments it
	// does not know, as there.
	reference bool
	writes    bool
	deletes   bool
	again     bool // the same call again changes nothing more
	run       run
}

// does makes a run of a function with typed arguments.
func does[A any](f func(ctx context.Context, c Call, s *Server, in A) (reply, error)) run {
	return func(ctx context.Context, c Call, s *Server, raw []byte) (reply, error) {
		var in A
		if err := json.Unmarshal(raw, &in); err != nil {
			return reply{}, said{"the arguments cannot be read: " + clip(err.Error(), 200)}
		}
		return f(ctx, c, s, in)
	}
}

func (t *tool) arguments() *field {
	return &field{kind: object, fields: t.in, open: t.reference}
}

// definition is the tool as tools/list shows it.
func (t *tool) definition() *sdk.Tool {
	no, deletes := false, t.deletes
	d := &sdk.Tool{
		Name: t.name, Title: t.title, Description: t.doc, InputSchema: t.arguments().schema(),
		Annotations: &sdk.ToolAnnotations{ReadOnlyHint: !t.writes, DestructiveHint: &deletes, IdempotentHint: t.again, OpenWorldHint: &no},
	}
	if t.out != nil {
		d.OutputSchema = (&field{kind: object, fields: t.out, open: !t.reference}).schema()
	}
	return d
}

// handler answers calls of the tool. Errors are results that a model can read,
// never errors of the protocol, which it would not see.
func (s *Server) handler(t *tool) sdk.ToolHandler {
	arguments := t.arguments()
	return func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		c, ok := callFor(req)
		if !ok {
			return nil, errNoCall
		}
		if t.writes && c.Refusal != "" {
			return failed(c.Refusal), nil
		}
		raw := req.Params.Arguments
		if len(raw) == 0 || string(raw) == "null" {
			raw = []byte("{}")
		}
		if problems := arguments.problems(raw); len(problems) > 0 {
			return failed(fmt.Sprintf("MCP error -32602: Input validation error: Invalid arguments for tool %s: %s", t.name, strings.Join(problems, "\n"))), nil
		}
		ctx, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		r, err := t.run(ctx, c, s, raw)
		if err != nil {
			return failed(s.sentence(ctx, err)), nil
		}
		return r.result()
	}
}

func failed(sentence string) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: sentence}}}
}

// result spells a reply out. The text has two spaces of indent like the
// reference server's.
func (r reply) result() (*sdk.CallToolResult, error) {
	structured, err := marshal(r.what, "")
	if err != nil {
		return nil, err
	}
	out := &sdk.CallToolResult{StructuredContent: json.RawMessage(structured)}
	if r.text == "" {
		show := r.shown
		if show == nil {
			show = r.what
		}
		b, err := marshal(show, "  ")
		if err != nil {
			return nil, err
		}
		r.text = string(b)
	}
	out.Content = append(out.Content, &sdk.TextContent{Text: r.text})
	if r.note != "" {
		out.Content = append(out.Content, &sdk.TextContent{Text: r.note})
	}
	return out, nil
}

// marshal leaves <, > and & as they are: nobody reads this as HTML.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
