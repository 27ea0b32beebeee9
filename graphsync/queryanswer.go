package graphsync

import (
	"context"
	"math"
	"sort"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// spell writes the rows as JSON, within the budget of bytes.
func (q *Query) spell(ctx context.Context, rows [][]value.Value, g *queryReader) ([]byte, error) {
	w := querySpelling{ctx: ctx, g: g, out: make([]byte, 0, 1<<10)}
	w.out = append(w.out, '[')
	for i, row := range rows {
		w.comma(i)
		w.out = append(w.out, '[')
		for j, v := range row {
			w.comma(j)
			if q.Format == QueryLiteral {
				w.out = appendQuoted(w.out, value.Format(v, &w))
			} else {
				w.value(v)
			}
			if w.err != nil {
				return nil, w.err
			}
			if len(w.out) > q.Budget {
				return nil, answerTooLarge(i, len(rows), q.Budget)
			}
		}
		w.out = append(w.out, ']')
	}
	return append(w.out, ']'), nil
}

func answerTooLarge(row, rows, budget int) *consensus.Refusal {
	return &consensus.Refusal{
		Code:     CodeQueryLimit,
		Sentence: "the answer of " + strconv.Itoa(rows) + " rows is larger than " + strconv.Itoa(budget) + " bytes in row " + strconv.Itoa(row+1) + "; return less of each, or use LIMIT",
		Details:  map[string]string{"limit": "bytes", "row": strconv.Itoa(row + 1)},
	}
}

// querySpelling writes values as JSON. It implements value.Resolver.
type querySpelling struct {
	ctx context.Context
	g   *queryReader
	out []byte
	err error
}

func (w *querySpelling) comma(i int) {
	if i > 0 {
		w.out = append(w.out, ',')
	}
}

// NodeParts implements value.Resolver.
func (w *querySpelling) NodeParts(id uint64) ([]string, value.Map, error) {
	n, ok, err := w.g.Node(w.ctx, id)
	if err != nil || !ok {
		w.fail(err)
		return nil, nil, err
	}
	return n.Labels, n.Properties, nil
}

// RelParts implements value.Resolver.
func (w *querySpelling) RelParts(r *value.Rel) (value.Map, error) {
	m, err := w.g.RelProperties(w.ctx, r)
	w.fail(err)
	return m, err
}

func (w *querySpelling) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *querySpelling) text(s string) { w.out = appendQuoted(w.out, s) }

func (w *querySpelling) value(v value.Value) {
	switch v.Kind() {
	case value.KindNull:
		w.out = append(w.out, "null"...)
	case value.KindBool:
		w.out = strconv.AppendBool(w.out, v.AsBool())
	case value.KindInt:
		w.out = strconv.AppendInt(w.out, v.AsInt(), 10)
	case value.KindFloat:
		if f := v.AsFloat(); math.IsNaN(f) || math.IsInf(f, 0) {
			w.text(value.Format(v, nil))
		} else {
			w.out = append(w.out, value.Format(v, nil)...)
		}
	case value.KindString:
		w.text(v.AsString())
	case value.KindList:
		w.out = append(w.out, '[')
		for i, item := range v.AsList() {
			w.comma(i)
			w.value(item)
		}
		w.out = append(w.out, ']')
	case value.KindMap:
		w.mapping(v.AsMap())
	case value.KindNode:
		w.node(v.AsNode())
	case value.KindRel:
		w.rel(v.AsRel())
	case value.KindPath:
		w.path(v.AsPath())
	default:
		w.text(value.TemporalText(v))
	}
}

func (w *querySpelling) mapping(m value.Map) {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	w.out = append(w.out, '{')
	for i, name := range names {
		w.comma(i)
		w.text(name)
		w.out = append(w.out, ':')
		w.value(m[name])
	}
	w.out = append(w.out, '}')
}

func (w *querySpelling) member(name string) { w.out = append(append(w.out, `,"`...), name+`":`...) }

func (w *querySpelling) node(id uint64) {
	at, err := w.g.glance(id)
	if err != nil || at == nil {
		w.fail(err)
		w.out = append(w.out, "null"...)
		return
	}
	labels, err := w.g.labelsOf(at.typ)
	w.fail(err)
	w.out = strconv.AppendUint(append(w.out, `{"id":`...), id, 10)
	w.member("labels")
	w.out = append(w.out, '[')
	for i, l := range labels {
		w.comma(i)
		w.text(l)
	}
	w.out = append(w.out, ']')
	w.member("label")
	w.text(string(at.label))
	if len(at.key) > 0 {
		w.member("key")
		w.text(string(at.key))
	}
	w.props(at.props)
	w.out = append(w.out, '}')
}

func (w *querySpelling) props(canonical []byte) {
	w.member("properties")
	if len(canonical) == 0 {
		w.out = append(w.out, "{}"...)
		return
	}
	w.out = append(w.out, canonical...)
}

func (w *querySpelling) rel(r *value.Rel) {
	_, e, ok, err := w.g.edgeRecord(r.ID)
	w.fail(err)
	if !ok {
		w.out = append(w.out, "null"...)
		return
	}
	w.out = strconv.AppendUint(append(w.out, `{"id":`...), r.ID, 10)
	w.member("type")
	w.text(r.Type)
	w.member("source_id")
	w.out = strconv.AppendUint(w.out, r.From, 10)
	w.member("target_id")
	w.out = strconv.AppendUint(w.out, r.To, 10)
	w.props(e.Props)
	w.out = append(w.out, '}')
}

func (w *querySpelling) path(p *value.Path) {
	w.out = append(w.out, `{"nodes":[`...)
	for i, id := range p.Nodes {
		w.comma(i)
		w.node(id)
	}
	w.out = append(w.out, `],"relationships":[`...)
	for i, r := range p.Rels {
		w.comma(i)
		w.rel(r)
	}
	w.out = append(w.out, "]}"...)
}
