package graphsync

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/formats"
)

// What is no file of its format is the sender's fault, and is told as that.
func TestImportOfWhatCannotBeRead(t *testing.T) {
	s := newService(t)
	for name, c := range map[string]struct {
		format     formats.Format
		text, says string
	}{
		"UTF-16":              {formats.CSV, "\xff\xfek\x00e\x00y\x00,\x00", "the first line"},
		"columns":             {formats.CSV, "a,b\n1,2\n", "must name the columns"},
		"an open quote":       {formats.CSV, "key,type\n\"" + strings.Repeat("a\n", 1<<20), "longer than"},
		"a bomb of entities":  {formats.GraphML, `<?xml version="1.0"?><!DOCTYPE l [<!ENTITY l "l">]><graphml/>`, "DOCTYPE"},
		"no XML":              {formats.GraphML, "key,type\n", "graphml"},
		"a context elsewhere": {formats.JSONLD, `{"@context":"https://ex.org/c","@id":"a"}`, "context"},
		"cut short":           {formats.JSONLD, `[{"@id":"http://ex.org/a"`, "line 1"},
		"gzip cut short":      {formats.JSONL, "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", "compressed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importText(t, s, c.text, ImportOptions{Format: c.format})
			var r *consensus.Refusal
			if !errors.As(err, &r) || r.Code != CodeInvalid || !strings.Contains(r.Sentence, c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// What did not arrive is not.
func TestImportOfWhatDidNotArrive(t *testing.T) {
	s, broken := newService(t), errors.New("the line is dead")
	for _, format := range []formats.Format{formats.JSONL, formats.CSV, formats.NQuads, formats.JSONLD, formats.GraphML} {
		r := io.MultiReader(strings.NewReader(" "), errReader{broken})
		_, err := Import(bg, s, r, ImportOptions{Namespace: "s", Format: format})
		var refusal *consensus.Refusal
		if err == nil || errors.As(err, &refusal) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

type errReader struct{ error }

func (r errReader) Read([]byte) (int, error) { return 0, r.error }
