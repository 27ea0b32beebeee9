package tracing

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
)

const example = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // "" : refused
	}{
		{example, example},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"},
		// Of a version to come: what is known of it, and more may follow.
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03", example},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes", example},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what", ""},
		{"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""},
		{example + "-more", ""},
		{example[:54], ""},
		{"", ""},
		{strings.ToUpper(example), ""},
		{"00-00000000000000000000000000000000-00f067aa0ba902b7-01", ""},
		{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", ""},
		{"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", ""},
		{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-" + strings.Repeat("x", 300), ""},
	} {
		got, err := Parse(c.text)
		if c.want == "" {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("%q was read as %v", c.text, got)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%q: %s %v, not %s", c.text, got, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil || again != c {
			t.Fatalf("%q was read as %v, which is written %q and read as %v: %v", s, c, c, again, err)
		}
		if c.Flags&flagSampled != 0 && !sampled(s) {
			t.Fatalf("%q is sampled and was not seen to be", s)
		}
	})
}

func TestOnlyWhatIsSampledIsRecorded(t *testing.T) {
	r := New(0)
	for _, parent := range []string{"", "nonsense", example[:53] + "00", strings.Repeat("f", 55)} {
		if s := r.Start(parent, "x"); s != nil {
			t.Errorf("a span was begun under %q", parent)
		}
		if s := r.Enter(parent, "x"); s != nil {
			t.Errorf("a span was begun under %q", parent)
		}
	}
	var none *Span
	none.Set("a", "b").End(nil)
	if none.Parent(example) != example {
		t.Error("no span does not hand on what it was given")
	}
	var off *Recorder
	if off.Start(example, "x") != nil || off.Enter("", "x") != nil || off.Trace(TraceID{1}, 9) != nil {
		t.Error("no recorder records")
	}
	if s := New(1).Enter("", "x"); s == nil || !sampled(s.Parent("")) {
		t.Error("no trace begins where all are to")
	}
}

func TestSpansBelongTogether(t *testing.T) {
	r := New(0)
	now := time.Unix(1000, 0)
	r.now = func() time.Time { now = now.Add(time.Millisecond); return now }
	outer := r.Start(example, "send").Set("to", "adder").Set("nothing", "")
	inner := r.Start(outer.Parent(example), "link")
	inner.End(consensus.Refuse("AGENT_GONE", "it went"))
	inner.End(nil) // the second end counts for nothing
	outer.End(errors.New("something of this node's own"))
	c, _ := Parse(example)
	got := r.Trace(c.Trace, 10)
	if len(got) != 2 || got[0].Name != "send" || got[1].Name != "link" {
		t.Fatalf("not the two spans in the order of their beginning: %+v", got)
	}
	if got[0].Parent != c.Span || got[1].Parent != got[0].Span || got[0].Span == got[1].Span {
		t.Errorf("the spans do not hang together: %+v", got)
	}
	if got[1].Code != "AGENT_GONE" || got[0].Code != "INTERNAL" || len(got[0].Attributes) != 1 || got[1].Took != 1000 {
		t.Errorf("the spans say something else: %+v", got)
	}
	if cut := r.Trace(c.Trace, 1); len(cut) != 1 || cut[0].Name != "send" {
		t.Errorf("more than one, or not the first: %+v", cut)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	r := New(1)
	c, _ := Parse(example)
	r.Start(example, "oldest").End(nil)
	for range MaxSpans {
		s := r.Enter("", strings.Repeat("n", 4096))
		for range 2 * maxAttributes {
			s.Set("k", strings.Repeat("v", 4096))
		}
		s.End(nil)
	}
	if len(r.ring) != MaxSpans {
		t.Errorf("%d spans are kept", len(r.ring))
	}
	if len(r.Trace(c.Trace, 10)) != 0 {
		t.Error("the oldest is still there")
	}
	if got := r.ring[7]; len(got.Attributes) != maxAttributes || len(got.Name) != maxText || len(got.Attributes[0].Value) != maxText {
		t.Errorf("a span of %d attributes", len(got.Attributes))
	}
}

func TestManyAtOnce(t *testing.T) {
	r := New(0)
	c, _ := Parse(example)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				s := r.Start(example, "x")
				s.Set("a", "b")
				s.End(nil)
				r.Trace(c.Trace, 5)
			}
		})
	}
	wg.Wait()
	if n := len(r.Trace(c.Trace, MaxSpans)); n != 800 {
		t.Errorf("%d spans of 800", n)
	}
}

// What a message costs that nobody traces, in one that has no trace context and
// in one whose context says no, and one that is traced.
func BenchmarkSpan(b *testing.B) {
	r := New(0)
	for _, c := range []struct{ name, parent string }{{"none", ""}, {"no", example[:53] + "00"}, {"sampled", example}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := r.Start(c.parent, "link")
				s.Set("to", "adder").End(nil)
			}
		})
	}
}

func TestWhatIsNotTracedCostsNoMemory(t *testing.T) {
	r := New(0)
	if n := testing.AllocsPerRun(100, func() {
		s := r.Start("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "link")
		s.Set("to", "adder").End(nil)
		_ = s.Parent("")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
