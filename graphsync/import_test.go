package graphsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func importText(t *testing.T, s *Service, text string, opts ImportOptions) (ImportReport, error) {
	t.Helper()
	opts.Namespace = "s"
	return Import(bg, s, strings.NewReader(text), opts)
}

func TestImportMixed(t *testing.T) {
	s := newService(t)
	text := "\ufeff" + `{"edge":{"source":"a","target":"b","type":"T"}}` + "\r\n\n  \n" +
		`{"node":{"key":"a","type":"n","label":"A","properties":{"x":1}}}` + "\n" +
		`{"edge":{"source":"A","target":"b","type":"T","weight":0.5,"parallel":1}}` + "\n" +
		`{"node":{"key":"b","type":"n"}}` + "\n" +
		`{"node":{"key":"a","type":"n","label":"A2"}}` // the last line has no end
	var calls int
	rep, err := importText(t, s, text, ImportOptions{Progress: func(ImportReport) { calls++ }})
	if err != nil || rep.Refused != 0 || rep.Nodes != 3 || rep.Edges != 2 || rep.Lines != 7 || rep.Bytes != int64(len(text)) || calls == 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	a, _, err := s.GetNodeByKey(bg, stale, "s", "a")
	if err != nil || a.Label != "A2" || string(a.Properties) != "{}" || a.Version != 2 {
		t.Fatalf("%+v %v", a, err)
	}
	again, err := importText(t, s, text, ImportOptions{})
	if err != nil || again.Created != 0 || again.Refused != 0 {
		t.Fatalf("%+v %v", again, err)
	}
}

func TestImportRefusesLines(t *testing.T) {
	for name, c := range map[string]struct{ line, says string }{
		"not JSON":        {`hello`, "JSON"},
		"cut":             {`{"node":{"key":"a"`, "JSON"},
		"list":            {`[]`, "object"},
		"empty":           {`{}`, "one member"},
		"two":             {`{"node":{"key":"a","type":"n"},"edge":{}}`, "one member"},
		"unknown kind":    {`{"fact":{}}`, `unknown field "fact"`},
		"other case":      {`{"Node":{"key":"a","type":"n"}}`, `unknown field "Node"`},
		"unknown field":   {`{"node":{"key":"a","type":"n","colour":1}}`, "colour: unknown field"},
		"doubled field":   {`{"node":{"key":"a","key":"b","type":"n"}}`, "twice"},
		"node no object":  {`{"node":"a"}`, "node must be an object"},
		"no key":          {`{"node":{"type":"n","label":"a"}}`, "key must not be empty"},
		"no type":         {`{"node":{"key":"a"}}`, "type must not be empty"},
		"key a number":    {`{"node":{"key":1,"type":"n"}}`, "key: must be a string"},
		"label null":      {`{"node":{"key":"a","type":"n","label":null}}`, "label: must be a string"},
		"properties text": {`{"node":{"key":"a","type":"n","properties":"x"}}`, "properties must be a JSON object"},
		"weight text":     {`{"edge":{"source":"a","target":"a","type":"T","weight":"1"}}`, "weight: must be a number"},
		"weight huge":     {`{"edge":{"source":"a","target":"a","type":"T","weight":1e999}}`, "a number that no 64-bit float holds"},
		"parallel":        {`{"edge":{"source":"a","target":"a","type":"T","parallel":-1}}`, "parallel: must be"},
		"gap":             {`{"edge":{"source":"z","target":"z","type":"T","parallel":3}}`, "parallel is 3"},
		"no source":       {`{"edge":{"target":"a","type":"T"}}`, "source"},
		"unknown key":     {`{"edge":{"source":"z","target":"nobody","type":"T"}}`, `no node has the key "nobody"`},
		"not UTF-8":       {"{\"node\":{\"key\":\"\xff\",\"type\":\"n\"}}", "UTF-8"},
		"too long":        {`{"node":{"key":"a","type":"n","label":"` + strings.Repeat("x", MaxLine) + `"}}`, "longer than"},
		"NUL":             {"\x00", "JSON"},
		"number":          {`7`, "object"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			good := `{"node":{"key":"z","type":"n"}}`
			rep, err := importText(t, s, good+"\n"+c.line+"\n"+strings.ReplaceAll(good, `"z"`, `"y"`), ImportOptions{})
			if err != nil || rep.Refused != 1 || rep.Created != 2 || len(rep.Errors) != 1 {
				t.Fatalf("%+v %v", rep, err)
			}
			if e := rep.Errors[0]; e.Line != 2 || !strings.Contains(e.Sentence, c.says) {
				t.Fatalf("line %d: %s, want %q", e.Line, e.Sentence, c.says)
			}
		})
	}
}

func TestImportStopsAtTooManyErrors(t *testing.T) {
	s := newService(t)
	rep, err := importText(t, s, strings.Repeat("x\n", 1000), ImportOptions{MaxErrors: 7})
	if !errors.Is(err, ErrTooManyErrors) || len(rep.Errors) != 7 || rep.Lines != 7 {
		t.Fatalf("%+v %v", rep, err)
	}
}

func TestImportDryRun(t *testing.T) {
	s := newService(t)
	mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "old", Key: "old"})
	rep, err := importText(t, s, `{"edge":{"source":"new","target":"Old","type":"T"}}
{"node":{"key":"New","type":"n"}}
{"edge":{"source":"new","target":"none","type":"T"}}
oops`, ImportOptions{DryRun: true})
	if err != nil || !rep.DryRun || rep.Nodes != 1 || rep.Edges != 1 || rep.Refused != 2 || rep.Errors[0].Line != 4 || rep.Errors[1].Line != 3 {
		t.Fatalf("%+v %v", rep, err)
	}
	if st, info, err := s.Stats(bg, stale, "s"); err != nil || st.Nodes != 1 || st.Edges != 0 || info.Revision != 1 {
		t.Fatalf("a dry run wrote: %+v %v", st, err)
	}
}

// Lines of one key apply in order even with many batches on their way.
func TestImportKeepsOrder(t *testing.T) {
	var b strings.Builder
	for i := range 3 * importOps {
		fmt.Fprintf(&b, `{"node":{"key":"k%d","type":"n","label":"%d"}}`+"\n", i%(importOps+1), i)
	}
	s := newService(t)
	rep, err := importText(t, s, b.String(), ImportOptions{InFlight: 8})
	if err != nil || rep.Created != importOps+1 {
		t.Fatalf("%+v %v", rep, err)
	}
	for _, k := range []int{0, 1, importOps} {
		n, _, err := s.GetNodeByKey(bg, stale, "s", fmt.Sprint("k", k))
		want := k
		for want+importOps+1 < 3*importOps {
			want += importOps + 1
		}
		if err != nil || n.Label != fmt.Sprint(want) {
			t.Fatalf("%d: %+v %v, want %d", k, n, err, want)
		}
	}
}

// Keys that grow when normalised do not make a batch larger than a command.
func TestImportOfGrowingKeys(t *testing.T) {
	var b strings.Builder
	grow := strings.Repeat("\ufdfa", 28)
	for i := range 600 {
		fmt.Fprintf(&b, `{"node":{"key":"%s%d","type":"n"}}`+"\n", grow, i)
	}
	for i := range 600 {
		fmt.Fprintf(&b, `{"edge":{"source":"%s%d","target":"%s%d","type":"T"}}`+"\n", grow, i, grow, i*7%600)
	}
	rep, err := importText(t, newService(t), b.String(), ImportOptions{})
	if err != nil || rep.Created != 1200 {
		t.Fatal(rep, err)
	}
}

// An edge that has to wait for its node keeps those after it waiting.
func TestImportKeepsOrderOfDeferred(t *testing.T) {
	var b strings.Builder
	fmt.Fprintln(&b, `{"node":{"key":"a","type":"n"}}`)
	fmt.Fprintln(&b, `{"edge":{"source":"a","target":"z","type":"T","weight":1}}`)
	for i := range 2 * importOps {
		fmt.Fprintf(&b, `{"edge":{"source":"a","target":"a","type":"T%d"}}`+"\n", i)
	}
	fmt.Fprintln(&b, `{"node":{"key":"z","type":"n"}}`)
	for i := range 2 * importOps {
		fmt.Fprintf(&b, `{"edge":{"source":"a","target":"z","type":"T%d"}}`+"\n", i)
	}
	fmt.Fprintln(&b, `{"edge":{"source":"A","target":"Z","type":"T","weight":2}}`)
	s := newService(t)
	if rep, err := importText(t, s, b.String(), ImportOptions{}); err != nil || rep.Refused > 0 {
		t.Fatal(rep, err)
	}
	z, _, err := s.GetNodeByKey(bg, stale, "s", "z")
	if err != nil {
		t.Fatal(err)
	}
	page, _, err := s.ListEdges(bg, stale, EdgeQuery{Namespace: "s", Target: z.ID, Type: "T"})
	if err != nil || page.Count != 1 || page.Edges[0].Weight != 2 {
		t.Fatalf("%+v %v", page, err)
	}
}

// shaky fails in the way a mesh does that has lost its leader: sometimes before
// and sometimes after the command took effect.
type shaky struct {
	*Service
	calls int
}

func (s *shaky) ApplyEach(ctx context.Context, wo WriteOptions, ns string, ops []Op) ([]OpResult, []OpRefusal, consensus.Outcome, error) {
	s.calls++
	switch s.calls % 3 {
	case 1:
		return nil, nil, consensus.Outcome{}, fmt.Errorf("proposing: %w", consensus.ErrNoLeader)
	case 2:
		if _, _, _, err := s.Service.ApplyEach(ctx, wo, ns, ops); err != nil {
			return nil, nil, consensus.Outcome{}, err
		}
		return nil, nil, consensus.Outcome{}, consensus.ErrUnknown
	}
	return s.Service.ApplyEach(ctx, wo, ns, ops)
}

func TestImportTriesAgain(t *testing.T) {
	in := lines(300, 3000)
	synctest.Test(t, func(t *testing.T) {
		steady, other := newService(t), newService(t)
		if _, err := Import(bg, steady, bytes.NewReader(in), ImportOptions{Namespace: "s"}); err != nil {
			t.Fatal(err)
		}
		rep, err := Import(bg, &shaky{Service: other}, bytes.NewReader(in), ImportOptions{Namespace: "s", InFlight: 1})
		if err != nil || rep.Nodes != 300 || rep.Edges != 3000 || rep.Refused != 0 {
			t.Fatalf("%+v %v", rep, err)
		}
		a, _ := steady.LogicalHash(bg, stale, "s")
		b, _ := other.LogicalHash(bg, stale, "s")
		if a != b {
			t.Fatal("tries changed the graph")
		}
	})
}

type dead struct{ *Service }

func (dead) ApplyEach(context.Context, WriteOptions, string, []Op) ([]OpResult, []OpRefusal, consensus.Outcome, error) {
	return nil, nil, consensus.Outcome{}, consensus.ErrNoLeader
}

func TestImportGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := dead{newService(t)}
		_, err := Import(bg, s, bytes.NewReader(lines(10, 10)), ImportOptions{Namespace: "s", RetryFor: 5 * time.Second})
		if !errors.Is(err, consensus.ErrNoLeader) || !strings.Contains(err.Error(), "lines 1 to 10") {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		if _, err := Import(ctx, s, bytes.NewReader(lines(10, 10)), ImportOptions{Namespace: "s"}); err == nil {
			t.Fatal("an import outlived its context")
		}
	})
}

func TestExportPages(t *testing.T) {
	in := lines(5000, 12_000)
	s := newBolt(t)
	if _, err := Import(bg, s, bytes.NewReader(in), ImportOptions{Namespace: "s"}); err != nil {
		t.Fatal(err)
	}
	hub := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "hub", Label: "hub"})
	var ops []Op
	for i := range 4500 {
		ops = append(ops, Op{Op: OpCreateEdge, SourceID: hub.ID, Target: fmt.Sprintf("pkg/%d", i/2), Type: []string{"Z", "A", "M"}[i/2%3]})
	}
	if _, _, err := s.Batch(bg, alice, "s", ops); err != nil {
		t.Fatal(err)
	}
	var first, second bytes.Buffer
	rep, err := s.Export(bg, stale, ExportQuery{Namespace: "s"}, &first)
	if err != nil || rep.Nodes != 5001 || rep.Edges != 16_500 || rep.Revision == 0 || rep.Bytes != int64(first.Len()) {
		t.Fatalf("%+v %v", rep, err)
	}
	other := newBolt(t)
	mustCreate(t, other, NewNode{SessionID: "x", NodeType: "M", Label: "shifts ids and symbols"})
	if rep, err := Import(bg, other, bytes.NewReader(first.Bytes()), ImportOptions{Namespace: "t"}); err != nil || rep.Refused > 0 {
		t.Fatalf("%+v %v", rep, err)
	}
	if _, err := other.Export(bg, stale, ExportQuery{Namespace: "t"}, &second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatal("the copy exports other bytes")
	}
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"node":{"key":"a","type":"n","label":"A","properties":{"x":[1]}}}` + "\n" + `{"edge":{"source":"a","target":"a","type":"T","weight":2,"predicate":"p","parallel":0}}`))
	f.Add([]byte("\xef\xbb\xbf{}\r\n\n{\"edge\":{}}"))
	f.Add([]byte(`{"node":{"key":"_:1","type":"n","label":"\u0000"}}`))
	f.Add([]byte(`{"schema":{"closed":true,"node_types":{"n":{"required":["x"]}},"edge_types":{"T":{"single":true,"from":["n"],"to":[]}}}}` + "\n" + `{"node":{"key":"a","type":"n","properties":{"x":1}}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		s := NewService(consensustest.New(NewPart()))
		rep, err := Import(bg, s, bytes.NewReader(in), ImportOptions{Namespace: "s", MaxErrors: 5})
		if err != nil && !errors.Is(err, ErrTooManyErrors) {
			t.Fatal(err)
		}
		if rep.Bytes > int64(len(in)) || len(rep.Errors) > 5 {
			t.Fatalf("%+v", rep)
		}
		var first, second bytes.Buffer
		if _, err := s.Export(bg, stale, ExportQuery{Namespace: "s"}, &first); err != nil {
			t.Fatal(err)
		}
		other := NewService(consensustest.New(NewPart()))
		if rep, err := Import(bg, other, bytes.NewReader(first.Bytes()), ImportOptions{Namespace: "s"}); err != nil || rep.Refused > 0 {
			t.Fatalf("%s: %+v %v", first.Bytes(), rep, err)
		}
		if _, err := other.Export(bg, stale, ExportQuery{Namespace: "s"}, &second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%s became %s: %v", first.Bytes(), second.Bytes(), err)
		}
	})
}
