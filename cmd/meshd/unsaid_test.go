package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// full is a device that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// An answer that nobody could read is not a success.
func TestAnAnswerThatIsLostIsAFailure(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		a := &app{out: full{}, err: io.Discard, json: asJSON}
		err := a.ended(a.printReceipt(receiptBody{ID: "1", Status: "delivered", Reply: json.RawMessage(`"hello"`)}))
		if exit.CodeOf(err) != exit.Failed || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("--json %v: %v", asJSON, err)
		}
	}
	var words bytes.Buffer
	if code := run([]string{"version"}, strings.NewReader(""), full{}, &words, config.System{}); code != int(exit.Failed) || words.Len() == 0 {
		t.Errorf("meshd version: exit %d, %q", code, words.String())
	}
}
