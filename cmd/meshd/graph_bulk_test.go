package main

import (
	"io"
	"strings"
	"testing"
)

// Why a node broke an export off was lost behind "unexpected EOF".
func TestExportTellsWhyItBrokeOff(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat(`{"node":{}}`+"\n", 1000) + "\n" + `{"error":{"error":"revision 3 was forgotten","code":"COMPACTED"}}` + "\n": "the export is incomplete: revision 3 was forgotten",
		`{"node":{"key":"a"}}` + "\n": "the export is incomplete: unexpected EOF",
		"":                            "the export is incomplete: unexpected EOF",
	} {
		var out strings.Builder
		err := copyAnswer(&out, io.MultiReader(strings.NewReader(text), broken{}))
		if err == nil || err.Error() != want+"; repeat it" || out.String() != text {
			t.Errorf("%v, want %s; repeat it", err, want)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
