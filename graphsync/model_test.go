package graphsync

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

// model is the graph as a child would keep it: maps, and nothing clever.
type model struct {
	next  uint64
	nodes map[uint64]modelNode
	edges map[uint64]modelEdge
	modelMemory
}

type modelNode struct {
	ns, key, typ, label string
	aliases             []string
	props               map[string]any
	version             uint64
}

type modelEdge struct {
	ns, typ, predicate string
	source, target     uint64
	weight             float64
	props              map[string]any
	version            uint64
}

func (m *model) clone() *model {
	return &model{m.next, maps.Clone(m.nodes), maps.Clone(m.edges), m.modelMemory.clone()}
}

func object(raw json.RawMessage) map[string]any {
	out := map[string]any{}
	if raw != nil {
		if err := json.Unmarshal(raw, &out); err != nil {
			panic(err)
		}
	}
	return out
}

func patch(target, p map[string]any) map[string]any {
	out := maps.Clone(target)
	for k, v := range p {
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			old, _ := out[k].(map[string]any)
			if old == nil {
				old = map[string]any{}
			}
			out[k] = patch(old, v)
		default:
			out[k] = v
		}
	}
	return out
}

func (m *model) byKey(ns, key string) uint64 {
	for id, n := range m.nodes {
		if n.ns == ns && key != "" && (strings.EqualFold(n.key, key) || n.alias(key) >= 0) {
			return id
		}
	}
	return 0
}

func (m *model) find(ns string, id uint64, key string) uint64 {
	if id != 0 {
		if m.nodes[id].ns != ns {
			return 0
		}
		return id
	}
	return m.byKey(ns, key)
}

// apply returns what the operation should come to.
func (m *model) apply(ns string, o Op) (OpResult, string) {
	switch o.Op {
	case OpCreateNode, OpUpsertNode:
		if id := m.byKey(ns, o.Key); id != 0 && o.Key != "" {
			if o.Op == OpCreateNode {
				return OpResult{}, CodeKeyExists
			}
			return m.setNode(id, o.Type, o.Label, object(o.Properties)), ""
		}
		id := m.next
		m.next++
		m.nodes[id] = modelNode{ns: ns, key: o.Key, typ: o.Type, label: *o.Label, props: object(o.Properties), version: 1}
		return OpResult{id, StatusCreated, 1}, ""
	case OpUpdateNode:
		id := m.find(ns, o.ID, o.Key)
		if id == 0 {
			return OpResult{}, CodeNotFound
		}
		n := m.nodes[id]
		if o.IfVersion != 0 && o.IfVersion != n.version {
			return OpResult{}, CodePrecondition
		}
		typ, props := n.typ, n.props
		if o.Type != "" {
			typ = o.Type
		}
		if o.Properties != nil {
			if props = object(o.Properties); o.Merge {
				props = patch(n.props, props)
			}
		}
		return m.setNode(id, typ, o.Label, props), ""
	case OpDeleteNode:
		id := m.find(ns, o.ID, o.Key)
		if id == 0 {
			if o.IfVersion != 0 {
				return OpResult{}, CodeNotFound
			}
			return OpResult{o.ID, StatusUnchanged, 0}, ""
		}
		n := m.nodes[id]
		if o.IfVersion != 0 && o.IfVersion != n.version {
			return OpResult{}, CodePrecondition
		}
		delete(m.nodes, id)
		m.forget(id)
		maps.DeleteFunc(m.edges, func(_ uint64, e modelEdge) bool { return e.source == id || e.target == id })
		return OpResult{id, StatusDeleted, n.version}, ""
	case OpCreateEdge, OpUpsertEdge:
		source, target := m.find(ns, o.SourceID, o.Source), m.find(ns, o.TargetID, o.Target)
		if source == 0 || target == 0 {
			return OpResult{}, CodeNotFound
		}
		e := modelEdge{ns, o.Type, "", source, target, 1, object(o.Properties), 1}
		if o.Weight != nil {
			e.weight = *o.Weight
		}
		if o.Predicate != nil {
			e.predicate = *o.Predicate
		}
		if o.Op == OpUpsertEdge {
			var same []uint64
			for id, x := range m.edges {
				if x.source == source && x.target == target && x.typ == o.Type {
					same = append(same, id)
				}
			}
			slices.Sort(same)
			if int(o.Parallel) < len(same) {
				return m.setEdge(same[o.Parallel], e), ""
			}
			if int(o.Parallel) > len(same) {
				return OpResult{}, CodeInvalid
			}
		}
		id := m.next
		m.next++
		m.edges[id] = e
		return OpResult{id, StatusCreated, 1}, ""
	case OpUpdateEdge:
		e, ok := m.edges[o.ID]
		if !ok || e.ns != ns {
			return OpResult{}, CodeNotFound
		}
		if o.IfVersion != 0 && o.IfVersion != e.version {
			return OpResult{}, CodePrecondition
		}
		if o.Weight != nil {
			e.weight = *o.Weight
		}
		if o.Predicate != nil {
			e.predicate = *o.Predicate
		}
		if o.Properties != nil {
			old := e.props
			if e.props = object(o.Properties); o.Merge {
				e.props = patch(old, e.props)
			}
		}
		return m.setEdge(o.ID, e), ""
	case OpDeleteEdge:
		e, ok := m.edges[o.ID]
		if !ok || e.ns != ns {
			if o.IfVersion != 0 {
				return OpResult{}, CodeNotFound
			}
			return OpResult{o.ID, StatusUnchanged, 0}, ""
		}
		if o.IfVersion != 0 && o.IfVersion != e.version {
			return OpResult{}, CodePrecondition
		}
		delete(m.edges, o.ID)
		return OpResult{o.ID, StatusDeleted, e.version}, ""
	}
	return m.applyVerb(ns, o)
}

func (m *model) setNode(id uint64, typ string, label *string, props map[string]any) OpResult {
	n := m.nodes[id]
	old := n
	n.typ, n.props = typ, props
	if label != nil {
		n.label = *label
	}
	if reflect.DeepEqual(old, n) {
		return OpResult{id, StatusUnchanged, n.version}
	}
	n.version++
	m.nodes[id] = n
	return OpResult{id, StatusUpdated, n.version}
}

func (m *model) setEdge(id uint64, e modelEdge) OpResult {
	old := m.edges[id]
	e.version = old.version
	if reflect.DeepEqual(old, e) {
		return OpResult{id, StatusUnchanged, e.version}
	}
	e.version++
	m.edges[id] = e
	return OpResult{id, StatusUpdated, e.version}
}

func genOp(m *model) *rapid.Generator[Op] {
	keys := rapid.SampledFrom([]string{"a", "B", "b", "c", "C", "d"})
	types := rapid.SampledFrom([]string{"T", "t", "USES"})
	labels := rapid.SampledFrom([]string{"One", "one two", "Two", "ünder", "X"})
	props := rapid.SampledFrom([]json.RawMessage{nil, json.RawMessage(`{}`), json.RawMessage(`{"a":1}`), json.RawMessage(`{"b":{"c":2},"a":null}`), json.RawMessage(`{"b":{"c":null,"d":"x"}}`)})
	return rapid.Custom(func(t *rapid.T) Op {
		verbs := slices.Sorted(maps.Keys(takes))
		verbs = slices.DeleteFunc(verbs, func(v string) bool { return takes[v].kind > opUndoMerge })
		o := Op{Op: rapid.SampledFrom(verbs).Draw(t, "verb")}
		f := takes[o.Op].fields
		id := rapid.Uint64Range(1, max(m.next+1, 2))
		maybe := func(p int) bool { return rapid.IntRange(0, 9).Draw(t, "maybe") < p }
		named := func(idField, keyField string, toID *uint64, toKey *string) {
			if !hasWord(f, idField) {
				return
			}
			if hasWord(f, keyField) && maybe(6) {
				*toKey = keys.Draw(t, keyField)
			} else {
				*toID = id.Draw(t, idField)
			}
		}
		named("id", "key", &o.ID, &o.Key)
		named("source_id", "source", &o.SourceID, &o.Source)
		named("target_id", "target", &o.TargetID, &o.Target)
		create := o.Op == OpCreateNode || o.Op == OpUpsertNode
		if create && (o.Op == OpUpsertNode || maybe(7)) {
			o.Key = keys.Draw(t, "key")
		}
		edge := o.Op == OpCreateEdge || o.Op == OpUpsertEdge
		if hasWord(f, "type") && (create || edge || maybe(3)) {
			o.Type = types.Draw(t, "type")
		}
		if hasWord(f, "label") && (create || maybe(4)) {
			o.Label = ptr(labels.Draw(t, "label"))
		}
		if hasWord(f, "properties") {
			o.Properties = props.Draw(t, "properties")
		}
		if hasWord(f, "merge") && o.Properties != nil {
			o.Merge = maybe(5)
		} else if o.Properties != nil && strings.Contains(string(o.Properties), "null") {
			o.Properties = json.RawMessage(`{"n":"x"}`)
		}
		if !o.Merge && strings.Contains(string(o.Properties), "null") {
			o.Properties = json.RawMessage(`{"n":"y"}`)
		}
		if hasWord(f, "weight") && maybe(5) {
			o.Weight = ptr(rapid.SampledFrom([]float64{0, 0.1, 1, -3}).Draw(t, "weight"))
		}
		if hasWord(f, "predicate") && maybe(4) {
			o.Predicate = ptr(rapid.SampledFrom([]string{"", "p"}).Draw(t, "predicate"))
		}
		if hasWord(f, "parallel") {
			o.Parallel = uint32(rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "parallel"))
		}
		if hasWord(f, "if_version") && maybe(3) {
			o.IfVersion = rapid.Uint64Range(1, 3).Draw(t, "if_version")
		}
		m.drawVerb(t, &o, f, maybe(5))
		return o
	})
}

func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewService(consensustest.New(NewPart()))
		m := &model{next: 1, nodes: map[uint64]modelNode{}, edges: map[uint64]modelEdge{}}
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			ns := rapid.SampledFrom([]string{"s", "s", "s", "o"}).Draw(t, "ns")
			ops := rapid.SliceOfN(genOp(m), 1, 8).Draw(t, "ops")
			if rapid.Bool().Draw(t, "lenient") {
				m.checkEach(t, s, ns, ops)
			} else {
				m = m.checkBatch(t, s, ns, ops)
			}
		}
		m.checkState(t, s)
		m.checkMemory(t, s, When{})
		for _, ns := range []string{"s", "o"} {
			m.checkWalks(t, s, ns)
			checkRoundTrip(t, s, ns)
		}
	})
}

func (m *model) checkBatch(t *rapid.T, s *Service, ns string, ops []Op) *model {
	after := m.clone()
	want := make([]OpResult, len(ops))
	wantCode, wantOp := "", -1
	for i, o := range ops {
		if want[i], wantCode = after.apply(ns, o); wantCode != "" {
			after, wantOp = m, i
			break
		}
	}
	got, _, err := s.Batch(bg, alice, ns, ops)
	if code(err) != wantCode {
		t.Fatalf("batch %+v: %v, want %q", ops, err, wantCode)
	}
	var r *consensus.Refusal
	if errors.As(err, &r) && len(ops) > 1 && r.Details["op"] != strconv.Itoa(wantOp) {
		t.Fatalf("refused at %s, want %d", r.Details["op"], wantOp)
	}
	if err == nil && !slices.Equal(got, want) {
		t.Fatalf("batch %+v\n got %+v\nwant %+v", ops, got, want)
	}
	return after
}

func (m *model) checkEach(t *rapid.T, s *Service, ns string, ops []Op) {
	got, refused, _, err := s.ApplyEach(bg, alice, ns, ops)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[int]string{}
	for _, r := range refused {
		codes[r.Index] = r.Refusal.Code
	}
	for i, o := range ops {
		want, wantCode := m.apply(ns, o)
		if codes[i] != wantCode || wantCode == "" && got[i] != want {
			t.Fatalf("op %d %+v: %+v %q, want %+v %q", i, o, got[i], codes[i], want, wantCode)
		}
	}
}

// checkState compares every record, by every way of reading it.
func (m *model) checkState(t *rapid.T, s *Service) {
	limit := rapid.IntRange(1, 5).Draw(t, "limit")
	for _, ns := range []string{"s", "o"} {
		var ids []uint64
		types := map[string]uint64{}
		for id, n := range m.nodes {
			if n.ns == ns {
				ids = append(ids, id)
				types[n.typ]++
			}
		}
		slices.Sort(ids)
		slices.Reverse(ids)
		var listed []uint64
		for q := (NodeQuery{Namespace: ns, Limit: limit}); ; {
			page, _, err := s.ListNodes(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range page.Nodes {
				want := m.nodes[n.ID]
				if n.SessionID != ns || n.Key != want.key || n.Label != want.label || n.NodeType != want.typ ||
					n.Version != want.version || !reflect.DeepEqual(object(n.Properties), want.props) {
					t.Fatalf("node %+v, want %+v", n, want)
				}
				found, _, err := s.Find(bg, stale, FindQuery{Namespace: ns, Text: n.Label, Type: n.NodeType})
				if err != nil || !slices.ContainsFunc(found.Nodes, func(f Node) bool { return f.ID == n.ID }) {
					t.Fatalf("%d is not found by its label: %+v %v", n.ID, found, err)
				}
				listed = append(listed, n.ID)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		if !slices.Equal(listed, ids) {
			t.Fatalf("listed %v, want %v", listed, ids)
		}
		st, _, err := s.Stats(bg, stale, ns)
		if err != nil || st.Nodes != uint64(len(ids)) || !maps.Equal(st.NodeTypes, types) {
			t.Fatalf("stats %+v %v, want %v", st, err, types)
		}
		m.checkEdges(t, s, ns, limit, st)
	}
}

func (m *model) checkEdges(t *rapid.T, s *Service, ns string, limit int, st Stats) {
	for _, q := range []EdgeQuery{{}, {Type: "T"}, {Source: 1}, {Target: 2}, {Source: 1, Type: "t"}, {Target: 1, Type: "T"}, {Source: 1, Target: 2}, {Source: 2, Target: 1, Type: "T"}} {
		q.Namespace, q.Limit = ns, limit
		want := map[uint64]bool{}
		for id, e := range m.edges {
			if e.ns == ns && (q.Type == "" || q.Type == e.typ) && (q.Source == 0 || q.Source == e.source) && (q.Target == 0 || q.Target == e.target) {
				want[id] = true
			}
		}
		if q.Source == 0 && q.Target == 0 && q.Type == "" && st.Edges != uint64(len(want)) {
			t.Fatalf("%d edges counted, want %d", st.Edges, len(want))
		}
		for {
			page, _, err := s.ListEdges(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Edges {
				x := m.edges[e.ID]
				if !want[e.ID] || e.SourceID != x.source || e.TargetID != x.target || e.EdgeType != x.typ || e.Weight != x.weight ||
					e.Predicate != x.predicate || e.Version != x.version || !reflect.DeepEqual(object(e.Properties), x.props) {
					t.Fatalf("edge %+v, want %+v", e, x)
				}
				delete(want, e.ID)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		if len(want) > 0 {
			t.Fatalf("%+v left out %v", q, want)
		}
	}
}

// distances is breadth first over all edges, again and again.
func (m *model) distances(from uint64, d Direction) map[uint64]int {
	dist := map[uint64]int{from: 0}
	for grown := true; grown; {
		grown = false
		for _, e := range m.edges {
			for _, step := range [][2]uint64{{e.source, e.target}, {e.target, e.source}} {
				forward := step[0] == e.source
				if d == Out && !forward || d == In && forward {
					continue
				}
				n, ok := dist[step[0]]
				if old, seen := dist[step[1]]; ok && (!seen || n+1 < old) {
					dist[step[1]], grown = n+1, true
				}
			}
		}
	}
	return dist
}

func (m *model) checkWalks(t *rapid.T, s *Service, ns string) {
	for from, n := range m.nodes {
		if n.ns != ns {
			continue
		}
		for _, d := range []Direction{Out, In, Both} {
			dist := m.distances(from, d)
			got, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: ns, ID: from, Direction: d, Depth: 2})
			if err != nil {
				t.Fatal(err)
			}
			near := 0
			for id, k := range dist {
				if id != from && k <= 2 {
					near++
				}
			}
			if len(got.Nodes) != near || got.Truncated {
				t.Fatalf("%d %s: %d neighbours, want %d", from, d, len(got.Nodes), near)
			}
			for _, x := range got.Nodes {
				if dist[x.ID] != x.Depth {
					t.Fatalf("%d is %d away from %d, want %d", x.ID, x.Depth, from, dist[x.ID])
				}
			}
			for to, k := range dist {
				p, _, err := s.Path(bg, stale, PathQuery{Namespace: ns, From: from, To: to, Direction: d})
				if err != nil || p.Found != (k <= 10) || p.Found && p.Length != k {
					t.Fatalf("path %d %d %s: %+v %v, want %d", from, to, d, p, err, k)
				}
				checkPath(t, p, from, to)
			}
		}
	}
}

func checkPath(t *rapid.T, p Path, from, to uint64) {
	if !p.Found {
		return
	}
	if p.Nodes[0].ID != from || p.Nodes[p.Length].ID != to || len(p.Edges) != p.Length {
		t.Fatalf("path %+v", p)
	}
	for i, e := range p.Edges {
		a, b := p.Nodes[i].ID, p.Nodes[i+1].ID
		if !(e.SourceID == a && e.TargetID == b || e.SourceID == b && e.TargetID == a) {
			t.Fatalf("edge %d does not join %d and %d", e.ID, a, b)
		}
	}
}

func checkRoundTrip(t *rapid.T, s *Service, ns string) {
	var first, second strings.Builder
	if _, err := s.Export(bg, stale, ExportQuery{Namespace: ns}, &first); err != nil {
		t.Fatal(err)
	}
	other := NewService(consensustest.New(NewPart()))
	rep, err := Import(bg, other, strings.NewReader(first.String()), ImportOptions{Namespace: "copy"})
	if err != nil || rep.Refused > 0 {
		t.Fatal(rep, err)
	}
	if _, err := other.Export(bg, stale, ExportQuery{Namespace: "copy"}, &second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Fatalf("export, import, export:\n%s\nbecame\n%s", first.String(), second.String())
	}
	again, err := Import(bg, other, strings.NewReader(first.String()), ImportOptions{Namespace: "copy"})
	if err != nil || again.Unchanged != again.Lines || again.Revision > rep.Revision {
		t.Fatal(fmt.Sprintf("importing twice: %+v after %+v", again, rep), err)
	}
}
