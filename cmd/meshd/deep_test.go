package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// An answer that nests deeply is not printed with the square of its depth in
// spaces.
func TestADeepAnswerIsPrintedAsItIs(t *testing.T) {
	deep := json.RawMessage(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))
	for _, asJSON := range []bool{false, true} {
		var out bytes.Buffer
		a := &app{out: &out, err: io.Discard, json: asJSON}
		if err := a.printReceipt(receiptBody{ID: "1", Status: "delivered", Reply: deep}); err != nil {
			t.Fatal(err)
		}
		if out.Len() > 2*len(deep) {
			t.Errorf("--json %v: %d bytes", asJSON, out.Len())
		}
	}
	if got := replyText(json.RawMessage(`{"a":["]}"]}`)); got != "{\n  \"a\": [\n    \"]}\"\n  ]\n}" {
		t.Errorf("a shallow one: %s", got)
	}
}
