package graphsync

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
)

func TestRefusedNodes(t *testing.T) {
	good := NewNode{SessionID: "s", NodeType: "n", Label: "l"}
	deep := strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth)
	for name, c := range map[string]struct {
		change func(*NewNode)
		field  string
	}{
		"no namespace":         {func(n *NewNode) { n.SessionID = "" }, "session_id"},
		"long namespace":       {func(n *NewNode) { n.SessionID = strings.Repeat("x", MaxNamespace+1) }, "session_id"},
		"control in namespace": {func(n *NewNode) { n.SessionID = "a\nb" }, "session_id"},
		"broken namespace":     {func(n *NewNode) { n.SessionID = "\xff" }, "session_id"},
		"no type":              {func(n *NewNode) { n.NodeType = "" }, "node_type"},
		"type with a space":    {func(n *NewNode) { n.NodeType = "a b" }, "node_type"},
		"type with a digit":    {func(n *NewNode) { n.NodeType = "1a" }, "node_type"},
		"type not ASCII":       {func(n *NewNode) { n.NodeType = "é" }, "node_type"},
		"long type":            {func(n *NewNode) { n.NodeType = strings.Repeat("x", MaxType+1) }, "node_type"},
		"no label":             {func(n *NewNode) { n.Label = "" }, "label"},
		"blank label":          {func(n *NewNode) { n.Label = " \t " }, "label"},
		"long label":           {func(n *NewNode) { n.Label = strings.Repeat("x", MaxLabel+1) }, "label"},
		"NUL in label":         {func(n *NewNode) { n.Label = "a\x00" }, "label"},
		"broken label":         {func(n *NewNode) { n.Label = "a\xc3" }, "label"},
		"blank key":            {func(n *NewNode) { n.Key = "  " }, "key"},
		"long key":             {func(n *NewNode) { n.Key = strings.Repeat("x", MaxKey+1) }, "key"},
		"key that grows":       {func(n *NewNode) { n.Key = strings.Repeat("\ufdfa", MaxKey/3) }, "key"},
		"key of an export":     {func(n *NewNode) { n.Key = "_:7" }, "key"},
		"properties list":      {func(n *NewNode) { n.Properties = json.RawMessage(`[]`) }, "properties"},
		"properties null":      {func(n *NewNode) { n.Properties = json.RawMessage(`null`) }, "properties"},
		"properties empty":     {func(n *NewNode) { n.Properties = json.RawMessage(``) }, "properties"},
		"properties cut":       {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":`) }, "properties"},
		"properties and more":  {func(n *NewNode) { n.Properties = json.RawMessage(`{}{}`) }, "properties"},
		"properties doubled":   {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":1,"\u0061":2}`) }, "properties"},
		"properties broken":    {func(n *NewNode) { n.Properties = json.RawMessage("{\"a\":\"\xff\"}") }, "properties"},
		"properties surrogate": {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":"\ud800"}`) }, "properties"},
		"properties number":    {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":01}`) }, "properties"},
		"properties deep":      {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":` + deep + `}`) }, "properties"},
		"properties very deep": {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":` + strings.Repeat("[", 100_000)) }, "properties"},
		"properties large":     {func(n *NewNode) { n.Properties = json.RawMessage(`{"a":"` + strings.Repeat("x", MaxProperties) + `"}`) }, "properties"},
		"properties very large": {func(n *NewNode) {
			n.Properties = json.RawMessage(`{"a":"` + strings.Repeat(" ", 9*MaxProperties) + `"}`)
		}, "properties"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			in := good
			c.change(&in)
			_, _, err := s.CreateNode(bg, alice, in)
			if code(err) != CodeInvalid || field(err) != c.field {
				t.Fatalf("%v (%s %s), want %s %s", err, code(err), field(err), CodeInvalid, c.field)
			}
			if len(err.Error()) > 300 {
				t.Fatalf("a sentence of %d bytes", len(err.Error()))
			}
		})
	}
	s := newService(t)
	good.Properties = json.RawMessage(deep)
	good.Key = strings.Repeat("k", MaxKey)
	good.Label = strings.Repeat("Ü", MaxLabel/2)
	mustCreate(t, s, good)
}

func TestRefusedOps(t *testing.T) {
	l := ptr("l")
	for name, c := range map[string]struct {
		op    Op
		field string
	}{
		"unknown verb":         {Op{Op: "drop"}, "op"},
		"no verb":              {Op{}, "op"},
		"stray weight":         {Op{Op: OpCreateNode, Type: "n", Label: l, Weight: ptr(1.0)}, "weight"},
		"stray id":             {Op{Op: OpCreateEdge, ID: 1}, "id"},
		"stray label":          {Op{Op: OpDeleteNode, ID: 1, Label: l}, "label"},
		"upsert without key":   {Op{Op: OpUpsertNode, Type: "n", Label: l}, "key"},
		"id and key":           {Op{Op: OpDeleteNode, ID: 1, Key: "a"}, "key"},
		"neither":              {Op{Op: OpUpdateNode, Label: l}, "key"},
		"edge without id":      {Op{Op: OpDeleteEdge}, "id"},
		"huge id":              {Op{Op: OpDeleteEdge, ID: 1 << 60}, "id"},
		"both sources":         {Op{Op: OpCreateEdge, Type: "T", SourceID: 1, Source: "a", TargetID: 1}, "source"},
		"no target":            {Op{Op: OpCreateEdge, Type: "T", SourceID: 1}, "target"},
		"no edge type":         {Op{Op: OpCreateEdge, SourceID: 1, TargetID: 1}, "type"},
		"merge of nothing":     {Op{Op: OpUpdateNode, ID: 1, Merge: true}, "merge"},
		"weight not a number":  {Op{Op: OpUpdateEdge, ID: 1, Weight: ptr(math.NaN())}, "weight"},
		"weight without bound": {Op{Op: OpUpdateEdge, ID: 1, Weight: ptr(math.Inf(1))}, "weight"},
		"long predicate":       {Op{Op: OpUpdateEdge, ID: 1, Predicate: ptr(strings.Repeat("x", MaxPredicate+1))}, "predicate"},
		"parallel":             {Op{Op: OpCreateEdge, Type: "T", SourceID: 1, TargetID: 1, Parallel: 1}, "parallel"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := newService(t).Batch(bg, alice, "s", []Op{c.op})
			if code(err) != CodeInvalid || field(err) != c.field {
				t.Fatalf("%v (%s %s), want field %s", err, code(err), field(err), c.field)
			}
		})
	}
}

func TestRefusedReads(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	mustCreate(t, s, NewNode{SessionID: "o", NodeType: "n", Label: "b", Key: "b"})
	page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s", Limit: 1})
	if err != nil || page.Cursor != "" {
		t.Fatal(page, err)
	}
	list := func(q NodeQuery) error { _, _, err := s.ListNodes(bg, stale, q); return err }
	edges := func(q EdgeQuery) error { _, _, err := s.ListEdges(bg, stale, q); return err }
	near := func(q NeighborQuery) error { _, _, err := s.Neighbors(bg, stale, q); return err }
	path := func(q PathQuery) error { _, _, err := s.Path(bg, stale, q); return err }
	find := func(q FindQuery) error { _, _, err := s.Find(bg, stale, q); return err }
	for name, c := range map[string]struct {
		err         error
		code, field string
	}{
		"limit below":        {list(NodeQuery{Namespace: "s", Limit: -1}), CodeInvalid, "limit"},
		"limit above":        {list(NodeQuery{Namespace: "s", Limit: MaxLimit + 1}), CodeInvalid, "limit"},
		"no namespace":       {list(NodeQuery{}), CodeInvalid, "session_id"},
		"bad type":           {list(NodeQuery{Namespace: "s", Type: " "}), CodeInvalid, "node_type"},
		"cursor of noise":    {list(NodeQuery{Namespace: "s", Cursor: "%%%"}), CodeInvalid, "cursor"},
		"cursor too long":    {list(NodeQuery{Namespace: "s", Cursor: strings.Repeat("A", 10_000)}), CodeInvalid, "cursor"},
		"cursor of edges":    {list(NodeQuery{Namespace: "s", Cursor: encodeCursor(cursorSPO, make([]byte, 21))}), CodeInvalid, "cursor"},
		"huge source":        {edges(EdgeQuery{Namespace: "s", Source: 1 << 50}), CodeInvalid, "source_id"},
		"cursor elsewhere":   {edges(EdgeQuery{Namespace: "s", Source: a.ID, Cursor: encodeCursor(cursorSPO, make([]byte, 21))}), CodeInvalid, "cursor"},
		"depth":              {near(NeighborQuery{Namespace: "s", ID: 1, Depth: 11}), CodeInvalid, "depth"},
		"direction":          {near(NeighborQuery{Namespace: "s", ID: 1, Direction: "up"}), CodeInvalid, "direction"},
		"nobody":             {near(NeighborQuery{Namespace: "s"}), CodeInvalid, "id"},
		"stranger":           {near(NeighborQuery{Namespace: "s", ID: 2}), CodeNotFound, "id"},
		"stranger by key":    {near(NeighborQuery{Namespace: "s", Key: "b"}), CodeNotFound, "id"},
		"unknown namespace":  {near(NeighborQuery{Namespace: "zz", ID: 1}), CodeNotFound, "id"},
		"path depth":         {path(PathQuery{Namespace: "s", From: 1, To: 1, MaxDepth: 21}), CodeInvalid, "max_depth"},
		"path to a stranger": {path(PathQuery{Namespace: "s", From: 1, To: 2}), CodeNotFound, "to"},
		"find nothing":       {find(FindQuery{Namespace: "s", Text: " "}), CodeInvalid, "q"},
		"find somehow":       {find(FindQuery{Namespace: "s", Text: "x", Match: "like"}), CodeInvalid, "match"},
	} {
		if code(c.err) != c.code || field(c.err) != c.field {
			t.Errorf("%s: %v (%s %s), want %s %s", name, c.err, code(c.err), field(c.err), c.code, c.field)
		}
	}
	unknown, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "zz"})
	if err != nil || unknown.Nodes == nil || len(unknown.Nodes) != 0 {
		t.Fatal(unknown, err)
	}
}

func TestTooLarge(t *testing.T) {
	s := newService(t)
	big := json.RawMessage(`{"a":"` + strings.Repeat("x", MaxProperties-10) + `"}`)
	var ops []Op
	for range MaxBatchBytes/MaxProperties + 1 {
		ops = append(ops, Op{Op: OpCreateNode, Type: "n", Label: ptr("l"), Properties: big})
	}
	if _, _, err := s.Batch(bg, alice, "s", ops); code(err) != CodeTooLarge {
		t.Fatalf("too many bytes: %v", err)
	}
	if _, _, err := s.Batch(bg, alice, "s", ops[:len(ops)-3]); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Batch(bg, alice, "s", make([]Op, MaxBatchOps+1)); code(err) != CodeTooLarge {
		t.Fatalf("too many operations: %v", err)
	}
	if _, _, err := s.Batch(bg, alice, "s", nil); code(err) != CodeInvalid {
		t.Fatalf("no operations: %v", err)
	}
	// A merge may not grow past the bound either.
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "l", Properties: big})
	if _, _, err := s.UpdateNode(bg, alice, "", n.ID, NodePatch{Merge: true, Properties: json.RawMessage(`{"b":"0123456789"}`)}); code(err) != CodeInvalid {
		t.Fatalf("merge past the bound: %v", err)
	}
	page, _, err := s.ListNodes(bg, stale, NodeQuery{Namespace: "s"})
	if err != nil || page.Count != 14 || !page.Truncated || page.Cursor == "" {
		t.Fatal(page.Count, page.Truncated, err)
	}
}

func TestPagesEndForTheirSize(t *testing.T) {
	s := newService(t)
	big := json.RawMessage(`{"a":"` + strings.Repeat("x", MaxProperties-10) + `"}`)
	hub := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "hub"})
	for range 40 {
		n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "leaf", Properties: big})
		if _, _, err := s.CreateEdge(bg, alice, NewEdge{SourceID: hub.ID, TargetID: n.ID, EdgeType: "T"}); err != nil {
			t.Fatal(err)
		}
	}
	seen := 0
	for q := (NodeQuery{Namespace: "s", Type: "n"}); ; {
		page, _, err := s.ListNodes(bg, stale, q)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for i := range page.Nodes {
			size += (&answerBudget{}).node(&page.Nodes[i])
		}
		if size > MaxAnswerBytes+MaxProperties+1000 {
			t.Fatalf("a page of %d bytes", size)
		}
		seen += page.Count
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
		if !page.Truncated {
			t.Fatal("a short page that does not say so")
		}
	}
	if seen != 41 {
		t.Fatalf("saw %d of 41", seen)
	}
	near, _, err := s.Neighbors(bg, stale, NeighborQuery{Namespace: "s", ID: hub.ID})
	if err != nil || !near.Truncated || near.Count >= 40 {
		t.Fatal(near.Count, near.Truncated, err)
	}
}

// A command is checked again where it is applied, so that a node that was
// tampered with cannot put into the tables what others choke on.
func TestForgedCommands(t *testing.T) {
	s := newService(t)
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	for name, o := range map[string]op{
		"kind":       {Kind: 99},
		"no type":    {Kind: opCreateNode, Label: "x"},
		"bad type":   {Kind: opCreateNode, Label: "x", Type: "a b", Flags: hasType},
		"no label":   {Kind: opCreateNode, Type: "a", Flags: hasType},
		"long label": {Kind: opCreateNode, Type: "a", Flags: hasType, Label: strings.Repeat("x", MaxLabel+1)},
		"long name":  {Kind: opCreateNode, Type: "a", Flags: hasType, Label: "x", Name: strings.Repeat("x", maxName+1)},
		"long norm":  {Kind: opCreateNode, Type: "a", Flags: hasType, Label: "x", Key: "x", Norm: strings.Repeat("x", maxNormKey+1)},
		"props":      {Kind: opUpdateNode, ID: 1, Flags: hasProps, Props: []byte(`[1]`)},
		"merge":      {Kind: opUpdateNode, ID: 1, Flags: hasProps | isMerge, Props: []byte(`{"a"}`)},
		"merge cut":  {Kind: opUpdateNode, ID: 1, Flags: hasProps | isMerge, Props: []byte(`{"a":}`)},
		"empty":      {Kind: opUpdateNode, ID: 1, Flags: hasLabel},
	} {
		if _, _, err := s.propose(bg, alice, command{Namespace: "s", Ops: []op{o}}); code(err) != CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, body := range map[string][]byte{
		"nothing": nil, "noise": []byte("\xff\x00"), "no operations": consensus.Encode(&command{Namespace: "s"}),
	} {
		if _, err := s.state.Propose(bg, consensus.Proposal{Part: PartName, Body: body}); err == nil {
			t.Errorf("%s was applied", name)
		}
	}
}
