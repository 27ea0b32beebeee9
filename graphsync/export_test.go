package graphsync

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// between calls fn before each page of an export is written, with its number.
type between struct {
	io.Writer
	n  int
	fn func(n int) error
}

func (b *between) Write(p []byte) (int, error) {
	b.n++
	if err := b.fn(b.n); err != nil {
		return 0, err
	}
	return b.Writer.Write(p)
}

func exportOf(t testing.TB, s *Service, q ExportQuery) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := s.Export(bg, stale, q, &out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// An export that writes run beside was a mix of as many revisions as it had
// pages.
func TestExportIsOneRevisionUnderWrites(t *testing.T) {
	s := newBolt(t)
	if _, err := Import(bg, s, bytes.NewReader(lines(6000, 20_000)), ImportOptions{Namespace: "s"}); err != nil {
		t.Fatal(err)
	}
	var ops []Op
	for i := range 300 {
		key := fmt.Sprintf("pkg/%d", 5000+i)
		ops = append(ops, Op{Op: OpAddObservation, Key: key, Text: "seen"}, Op{Op: OpSetVector, Key: key, Model: "m", Vector: []float32{1, 2}})
	}
	results, _, err := s.Batch(bg, alice, "s", ops)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.SetSchema(bg, alice, "s", Schema{EdgeTypes: map[string]EdgeRule{"DEPENDS_ON": {From: []string{"package"}}}}); err != nil {
		t.Fatal(err)
	}
	want := exportOf(t, s, ExportQuery{Namespace: "s"})
	var out bytes.Buffer
	pages := &between{Writer: &out, fn: func(n int) error {
		_, _, err := s.Batch(bg, alice, "s", []Op{
			{Op: OpDeleteNode, Key: fmt.Sprintf("pkg/%d", n*37)},
			{Op: OpUpdateNode, Key: fmt.Sprintf("pkg/%d", 5999-n), Label: ptr("later")},
			{Op: OpCreateNode, Key: fmt.Sprint("late", n), Type: "n", Label: ptr("late")},
			{Op: OpCreateEdge, Source: "pkg/0", Target: fmt.Sprint("late", n), Type: "DEPENDS_ON"},
			{Op: OpCreateEdge, Source: fmt.Sprintf("pkg/%d", 5999-n), Target: "pkg/0", Type: "AAA"},
			{Op: OpAddObservation, Key: "pkg/5250", Text: fmt.Sprint("seen late ", n)},
			{Op: OpDeleteObservation, ID: results[400+2*n].ID},
			{Op: OpSetSchema, Schema: &Schema{EdgeTypes: map[string]EdgeRule{fmt.Sprint("T", n): {}}}},
		})
		return err
	}}
	rep, err := s.Export(bg, stale, ExportQuery{Namespace: "s"}, pages)
	if err != nil || pages.n < 5 {
		t.Fatalf("%d pages, %+v %v", pages.n, rep, err)
	}
	if out.String() != want {
		t.Error("an export during writes is not that of its first page")
	}
	// The same revision asked for again lacks the schema, which has no past.
	want = want[:strings.LastIndex(strings.TrimSpace(want), "\n")+1]
	if got := exportOf(t, s, ExportQuery{Namespace: "s", When: When{Revision: rep.Revision}}); got != want {
		t.Error("an export as of that revision is another one")
	}
	copied, err := Import(bg, newBolt(t), &out, ImportOptions{Namespace: "s"})
	if err != nil || copied.Refused != 0 {
		t.Fatalf("%+v %v", copied, err)
	}
}

// A vector that changes during an export cannot be shown as it was, and was
// shown as it became.
func TestExportLeavesOutVectorsThatChanged(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	_, out, err := s.SetVector(bg, alice, "s", a.ID, "m", []float32{1})
	if err != nil {
		t.Fatal(err)
	}
	when := When{Revision: out.Revision}
	if got := exportOf(t, s, ExportQuery{Namespace: "s", When: when}); !strings.Contains(got, `"vector":[1]`) {
		t.Error(got)
	}
	if _, _, err := s.SetVector(bg, alice, "s", a.ID, "m", []float32{2}); err != nil {
		t.Fatal(err)
	}
	if got := exportOf(t, s, ExportQuery{Namespace: "s", When: when}); strings.Contains(got, `"vector"`) {
		t.Error(got)
	}
}

// What the history no longer has ends an export, which must not go on with what
// came after.
func TestExportWhoseRevisionIsForgottenFails(t *testing.T) {
	l := newTimeline()
	if _, err := Import(bg, l.s, bytes.NewReader(lines(6000, 0)), ImportOptions{Namespace: "s"}); err != nil {
		t.Fatal(err)
	}
	pages := &between{Writer: io.Discard, fn: func(n int) error {
		l.now = l.now.Add(48 * time.Hour)
		if _, err := l.s.SetRetention(bg, alice, 1, 1<<20); err != nil {
			return err
		}
		var ops []Op
		for i := range 4000 {
			ops = append(ops, Op{Op: OpUpdateNode, Key: fmt.Sprintf("pkg/%d", i), Label: ptr(fmt.Sprint("later ", n))})
		}
		_, _, err := l.s.Batch(bg, alice, "s", ops)
		return err
	}}
	rep, err := l.s.Export(bg, stale, ExportQuery{Namespace: "s"}, pages)
	if code(err) != CodeCompacted || detail(err, "oldest") == "" || !strings.Contains(err.Error(), "while it was being read") {
		t.Fatalf("%d pages: %+v %v", pages.n, rep, err)
	}
}

// Things that had expired were exported, and counted in degrees.
func TestExpiredThingsAreNotExportedOrCounted(t *testing.T) {
	l := newTimeline()
	s := l.s
	soon := time.Now().Add(-time.Minute)
	l.now = soon.Add(-time.Hour)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a", Key: "a"})
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b", Key: "b"})
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "c", Key: "c", ExpiresAt: &soon})
	_, out, err := s.Batch(bg, alice, "s", []Op{
		{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T", ExpiresAt: &soon},
		{Op: OpCreateEdge, Source: "a", Target: "b", Type: "T"},
		{Op: OpCreateEdge, Source: "a", Target: "c", Type: "T"},
		{Op: OpCreateEdge, Source: "c", Target: "a", Type: "T"},
		{Op: OpAddObservation, Key: "a", Text: "over", ExpiresAt: &soon},
		{Op: OpAddObservation, Key: "a", Text: "stays"},
		{Op: OpAddObservation, Key: "c", Text: "goes with its node"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"node":{"key":"a","type":"n","label":"a"}}
{"observation":{"node":"a","text":"stays"}}
{"node":{"key":"b","type":"n","label":"b"}}
{"edge":{"source":"a","target":"b","type":"T"}}
`
	if got := exportOf(t, s, ExportQuery{Namespace: "s"}); got != want {
		t.Error(got)
	}
	if then := exportOf(t, s, ExportQuery{Namespace: "s", When: When{Time: l.now}}); strings.Count(then, "\n") != 10 {
		t.Errorf("as of then:\n%s", then)
	}
	if d, _, err := s.Degree(bg, stale, "s", a.ID, ""); err != nil || d.Out != 1 || d.In != 0 {
		t.Errorf("%+v %v", d, err)
	}
	h, _, err := s.Hubs(bg, stale, HubsQuery{Namespace: "s"})
	if err != nil || h.Count != 2 || h.Hubs[0].Degree != 1 || h.Counted != 1 {
		t.Errorf("%+v %v", h, err)
	}
	// What has come to be and is no more is not counted at another time either.
	h, _, err = s.Hubs(bg, stale, HubsQuery{Namespace: "s", When: When{Revision: out.Revision - 1}})
	if err != nil || h.Counted != 0 || h.Count != 0 {
		t.Errorf("as of before: %+v %v", h, err)
	}
	h, _, err = s.Hubs(bg, stale, HubsQuery{Namespace: "s", EdgeType: "OTHER", When: When{Revision: out.Revision}})
	if err != nil || h.Counted != 0 {
		t.Errorf("of another type: %+v %v", h, err)
	}
}

// A copy had no schema, so that what the original refused went into it.
func TestSchemaIsExportedAndImported(t *testing.T) {
	s := newService(t)
	// The edge was there before the schema that would refuse it.
	if _, err := importText(t, s, everything, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	hash, err := s.LogicalHash(bg, stale, "s")
	if err != nil {
		t.Fatal(err)
	}
	schema := Schema{Closed: true, NodeTypes: map[string]NodeRule{"n": {}, "person": {Required: []string{"no\"ne"}}},
		EdgeTypes: map[string]EdgeRule{"KNOWS": {Single: true, From: []string{"n"}}}}
	if _, _, err := s.SetSchema(bg, alice, "s", schema); err != nil {
		t.Fatal(err)
	}
	text := exportOf(t, s, ExportQuery{Namespace: "s"})
	other := newService(t)
	rep, err := importText(t, other, text, ImportOptions{})
	if err != nil || rep.Refused != 0 || rep.Stored != 12 {
		t.Fatalf("%+v %v", rep, err)
	}
	if got := exportOf(t, other, ExportQuery{Namespace: "s"}); got != text {
		t.Errorf("%s\nbecame\n%s", text, got)
	}
	for _, s := range []*Service{s, other} {
		if got, err := s.LogicalHash(bg, stale, "s"); err != nil || got != hash {
			t.Error("the schema is in the logical hash", err)
		}
	}
	if _, _, err := other.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "other", Label: "x"}); code(err) != CodeSchema {
		t.Error("the copy's schema does not hold:", err)
	}
	// It holds for the lines behind it.
	line := text[strings.Index(text, `{"schema"`):]
	rep, err = importText(t, newService(t), line+`{"node":{"key":"x","type":"other"}}`, ImportOptions{})
	if err != nil || rep.Refused != 1 || rep.Errors[0].Line != 2 {
		t.Errorf("%+v %v", rep, err)
	}
	for _, bad := range []string{`{"schema":{"open":true}}`, `{"schema":[]}`, `{"schema":{"node_types":{"1":{}}}}`} {
		if _, err := decodeLine([]byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	rep, err = importText(t, newService(t), text, ImportOptions{DryRun: true})
	if err != nil || rep.Refused != 0 {
		t.Errorf("dry: %+v %v", rep, err)
	}
}
