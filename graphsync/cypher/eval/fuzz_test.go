package eval_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/function"
)

// FuzzEval computes expressions: whatever they are, there is a value or a fault,
// within the limits.
func FuzzEval(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if expr, _, ok := strings.Cut(line, " => "); ok && i%5 == 0 {
				f.Add(expr)
			}
		}
	}
	b := newBench()
	f.Fuzz(func(t *testing.T, text string) {
		v, err := b.eval(text, function.Limits{Bytes: 1 << 20, Time: time.Second})
		var at *fault.Error
		if err != nil && !errors.As(err, &at) {
			t.Fatalf("%q: %v is no fault", text, err)
		}
		if err != nil && !at.Pos.Known() && at.Class != fault.Limit {
			t.Fatalf("%q: %v has no place", text, err)
		}
		shown(b.graph, v, err)
	})
}
