package graphsync

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// modelMemory is what the model keeps beside nodes and edges.
type modelMemory struct {
	said    map[uint64]modelSaid
	vectors map[modelVector]modelValue
	merges  map[uint64]modelMerge
	merged  map[uint64]bool // nodes that a merge ended
}

type modelSaid struct {
	ns      string
	node    uint64
	text    string
	version uint64
}

type modelVector struct {
	ns    string
	node  uint64
	model string
}

type modelValue struct {
	v       string
	dim     int
	version uint64
}

type modelMerge struct {
	ns             string
	source, target uint64
	node           modelNode
	keys           []string
	props          map[string]any
	edges          map[uint64]modelEdge // as they were
	said, twice    map[uint64]modelSaid
	vectors        map[modelVector]modelValue
}

func (m modelMemory) clone() modelMemory {
	return modelMemory{maps.Clone(m.said), maps.Clone(m.vectors), maps.Clone(m.merges), maps.Clone(m.merged)}
}

func (n *modelNode) alias(key string) int {
	return slices.IndexFunc(n.aliases, func(a string) bool { return strings.EqualFold(a, key) })
}

func (m *model) forget(node uint64) {
	maps.DeleteFunc(m.said, func(_ uint64, s modelSaid) bool { return s.node == node })
	maps.DeleteFunc(m.vectors, func(v modelVector, _ modelValue) bool { return v.node == node })
}

// drawVerb draws the fields that only some verbs take.
func (m *model) drawVerb(t *rapid.T, o *Op, fields string, coin bool) {
	if hasWord(fields, "alias") {
		o.Alias = rapid.SampledFrom([]string{"a", "D", "e", "E"}).Draw(t, "alias")
	}
	if hasWord(fields, "model") {
		o.Model = rapid.SampledFrom([]string{"m", "k"}).Draw(t, "model")
	}
	if hasWord(fields, "vector") {
		o.Vector = rapid.SampledFrom([][]float32{{1}, {2}, {1, 2}}).Draw(t, "vector")
	}
	if o.Op == OpDeleteObservation && o.ID != 0 && coin {
		o.NodeID, o.ID = o.ID, 0
	}
	if hasWord(fields, "text") && (o.Op != OpDeleteObservation || o.ID == 0) {
		o.Text = rapid.SampledFrom([]string{"x", "y", "ünder"}).Draw(t, "text")
	}
	if o.Op == OpUndoMerge && len(m.merges) > 0 {
		o.ID = rapid.SampledFrom(slices.Sorted(maps.Keys(m.merges))).Draw(t, "merge")
	}
}

func (m *model) applyVerb(ns string, o Op) (OpResult, string) {
	if m.said == nil {
		m.modelMemory = modelMemory{map[uint64]modelSaid{}, map[modelVector]modelValue{}, map[uint64]modelMerge{}, map[uint64]bool{}}
	}
	id := m.find(ns, o.ID, o.Key)
	switch o.Op {
	case OpAddObservation:
		if id == 0 {
			return OpResult{}, CodeNotFound
		}
		if was := m.saidOf(id, o.Text); was != 0 {
			return OpResult{was, StatusUnchanged, m.said[was].version}, ""
		}
		m.next++
		m.said[m.next-1] = modelSaid{ns, id, o.Text, 1}
		return OpResult{m.next - 1, StatusCreated, 1}, ""
	case OpDeleteObservation:
		was := o.ID
		if o.ID == 0 {
			was = m.saidOf(m.find(ns, o.NodeID, o.Key), o.Text)
		}
		s, ok := m.said[was]
		if !ok || s.ns != ns {
			return OpResult{o.ID, StatusUnchanged, 0}, ""
		}
		delete(m.said, was)
		return OpResult{was, StatusDeleted, s.version}, ""
	case OpAddAlias, OpRemoveAlias:
		return m.setAlias(ns, id, o)
	case OpSetVector, OpDeleteVector:
		return m.setVector(ns, id, o)
	case OpMergeNodes:
		return m.mergeNodes(ns, o)
	case OpUndoMerge:
		return m.undoMerge(ns, o)
	}
	panic(o.Op)
}

func (m *model) saidOf(node uint64, text string) uint64 {
	for id, s := range m.said {
		if node != 0 && s.node == node && s.text == text {
			return id
		}
	}
	return 0
}

func (m *model) setAlias(ns string, id uint64, o Op) (OpResult, string) {
	n, ok := m.nodes[id]
	if !ok {
		return OpResult{}, CodeNotFound
	}
	if o.IfVersion != 0 && o.IfVersion != n.version {
		return OpResult{}, CodePrecondition
	}
	i := n.alias(o.Alias)
	switch holder := m.byKey(ns, o.Alias); {
	case o.Op == OpAddAlias && holder != 0 && holder != id:
		return OpResult{}, CodeKeyExists
	case o.Op == OpAddAlias && holder == id, o.Op == OpRemoveAlias && i < 0:
		return OpResult{id, StatusUnchanged, n.version}, ""
	case o.Op == OpAddAlias:
		n.aliases = append(slices.Clip(n.aliases), o.Alias)
	default:
		n.aliases = slices.Delete(slices.Clone(n.aliases), i, i+1)
	}
	n.version++
	m.nodes[id] = n
	return OpResult{id, StatusUpdated, n.version}, ""
}

// dimension of a model's vectors in a namespace, and how many there are.
func (m *model) dimension(ns, name string) (dim, count int) {
	for v, value := range m.vectors {
		if v.ns == ns && v.model == name {
			dim, count = value.dim, count+1
		}
	}
	return dim, count
}

func (m *model) setVector(ns string, id uint64, o Op) (OpResult, string) {
	at := modelVector{ns, id, o.Model}
	was, had := m.vectors[at]
	switch {
	case id == 0 && o.Op == OpDeleteVector:
		return OpResult{o.ID, StatusUnchanged, 0}, ""
	case id == 0:
		return OpResult{}, CodeNotFound
	case o.Op == OpDeleteVector && !had:
		return OpResult{id, StatusUnchanged, 0}, ""
	case o.Op == OpDeleteVector:
		delete(m.vectors, at)
		return OpResult{id, StatusDeleted, was.version}, ""
	}
	if dim, count := m.dimension(ns, o.Model); dim != 0 && dim != len(o.Vector) && !(had && count == 1) {
		return OpResult{}, CodeInvalid
	}
	now := modelValue{fmt.Sprint(o.Vector), len(o.Vector), was.version + 1}
	if had && now.v == was.v {
		return OpResult{id, StatusUnchanged, was.version}, ""
	}
	m.vectors[at] = now
	if had {
		return OpResult{id, StatusUpdated, now.version}, ""
	}
	return OpResult{id, StatusCreated, 1}, ""
}

func (m *model) mergeNodes(ns string, o Op) (OpResult, string) {
	source, target := m.find(ns, o.SourceID, o.Source), m.find(ns, o.TargetID, o.Target)
	if source == 0 || target == 0 {
		return OpResult{}, CodeNotFound
	}
	if source == target {
		return OpResult{}, CodeInvalid
	}
	id := m.next
	m.next++
	s, n := m.nodes[source], m.nodes[target]
	rec := modelMerge{ns: ns, source: source, target: target, node: s, keys: slices.Clone(s.aliases), props: map[string]any{},
		edges: map[uint64]modelEdge{}, said: map[uint64]modelSaid{}, twice: map[uint64]modelSaid{}, vectors: map[modelVector]modelValue{}}
	if s.key != "" {
		rec.keys = append([]string{s.key}, rec.keys...)
	}
	for eid, e := range m.edges {
		if e.source != source && e.target != source {
			continue
		}
		rec.edges[eid] = e
		m.edges[eid] = e.moved(source, target)
	}
	for sid, said := range m.said {
		if said.node != source {
			continue
		}
		if m.saidOf(target, said.text) != 0 {
			rec.twice[sid] = said
			delete(m.said, sid)
			continue
		}
		rec.said[sid] = said
		defer func() { m.said[sid] = modelSaid{ns, target, said.text, said.version + 1} }()
	}
	for v, value := range m.vectors {
		if v.node == source {
			rec.vectors[v] = value
			delete(m.vectors, v)
		}
	}
	n.props = maps.Clone(n.props)
	for k, v := range s.props {
		if _, ok := n.props[k]; !ok {
			n.props[k], rec.props[k] = v, v
		}
	}
	n.aliases = append(slices.Clip(n.aliases), rec.keys...)
	if len(rec.keys) > 0 || len(rec.props) > 0 {
		n.version++
	}
	delete(m.nodes, source)
	m.nodes[target], m.merges[id], m.merged[source] = n, rec, true
	return OpResult{id, StatusCreated, n.version}, ""
}

// moved is the edge with one end in place of another.
func (e modelEdge) moved(from, to uint64) modelEdge {
	if e.source == from {
		e.source = to
	}
	if e.target == from {
		e.target = to
	}
	e.version++
	return e
}

func (m *model) undoMerge(ns string, o Op) (OpResult, string) {
	rec, ok := m.merges[o.ID]
	if !ok || rec.ns != ns {
		return OpResult{}, CodeNotFound
	}
	if m.merged[rec.target] {
		return OpResult{}, CodePrecondition
	}
	n, standing := m.nodes[rec.target]
	var back []string
	free := func(key string) bool {
		holder := m.byKey(ns, key)
		mine := holder != 0 && holder == rec.target && n.alias(key) >= 0
		if mine {
			back = append(back, key)
		}
		return holder == 0 || mine
	}
	s := rec.node
	if s.key != "" && !free(s.key) {
		return OpResult{}, CodeKeyExists
	}
	s.aliases = slices.DeleteFunc(slices.Clone(s.aliases), func(a string) bool { return !free(a) })
	if standing {
		was := n
		n.aliases = slices.DeleteFunc(slices.Clone(n.aliases), func(a string) bool {
			return slices.ContainsFunc(back, func(b string) bool { return strings.EqualFold(a, b) })
		})
		n.props = maps.Clone(n.props)
		maps.DeleteFunc(n.props, func(k string, v any) bool {
			given, ok := rec.props[k]
			return ok && reflect.DeepEqual(given, v)
		})
		if len(n.aliases) != len(was.aliases) || len(n.props) != len(was.props) {
			n.version++
		}
		m.nodes[rec.target] = n
	}
	s.version++
	m.nodes[rec.source] = s
	for id, was := range rec.edges {
		e, ok := m.edges[id]
		if ok && (was.source != rec.source || e.source == rec.target) && (was.target != rec.source || e.target == rec.target) &&
			e.weight == was.weight && e.predicate == was.predicate && reflect.DeepEqual(e.props, was.props) {
			if was.source == rec.source {
				e.source = rec.source
			}
			if was.target == rec.source {
				e.target = rec.source
			}
			e.version++
			m.edges[id] = e
		}
	}
	for id := range rec.said {
		if said, ok := m.said[id]; ok && said.node == rec.target {
			m.said[id] = modelSaid{ns, rec.source, said.text, said.version + 1}
		}
	}
	for id, said := range rec.twice {
		m.said[id] = modelSaid{ns, rec.source, said.text, said.version + 1}
	}
	for v, value := range rec.vectors {
		if dim, _ := m.dimension(ns, v.model); dim == 0 || dim == value.dim {
			m.vectors[v] = value
		}
	}
	delete(m.merges, o.ID)
	delete(m.merged, rec.source)
	return OpResult{rec.source, StatusCreated, s.version}, ""
}

// checkMemory compares observations as of a time, and vectors and totals as
// they are.
func (m *model) checkMemory(t *rapid.T, s *Service, when When) {
	for _, ns := range []string{"s", "o"} {
		want := map[uint64]modelSaid{}
		for id, said := range m.said {
			if said.ns == ns {
				want[id] = said
			}
		}
		total := uint64(len(want))
		for q := (ObservationQuery{Namespace: ns, Limit: 2, When: when, Newest: len(want)%2 == 0}); ; {
			page, _, err := s.ListObservations(bg, stale, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Observations {
				if x, ok := want[o.ID]; !ok || x != (modelSaid{o.SessionID, o.NodeID, o.Text, o.Version}) {
					t.Fatalf("as of %+v: %+v, want %+v", when, o, x)
				}
				delete(want, o.ID)
			}
			if q.Cursor = page.Cursor; q.Cursor == "" {
				break
			}
		}
		if len(want) > 0 {
			t.Fatalf("as of %+v left out %+v", when, want)
		}
		if when != (When{}) {
			continue
		}
		st, _, err := s.Stats(bg, stale, ns)
		_, a := m.dimension(ns, "m")
		_, b := m.dimension(ns, "k")
		if err != nil || st.Observations != total || st.Vectors != uint64(a+b) || st.Models["m"] != uint64(a) {
			t.Fatalf("%+v %v, want %d and %d + %d", st, err, total, a, b)
		}
	}
	if when != (When{}) {
		return
	}
	got := map[modelVector]modelValue{}
	if _, _, err := s.Vectors(bg, stale, VectorPosition{}, func(v Vector) error {
		got[modelVector{v.SessionID, v.NodeID, v.Model}] = modelValue{fmt.Sprint(v.Vector), len(v.Vector), v.Version}
		return nil
	}); err != nil || len(got)+len(m.vectors) > 0 && !maps.Equal(got, m.vectors) {
		t.Fatalf("%+v %v, want %+v", got, err, m.vectors)
	}
}
