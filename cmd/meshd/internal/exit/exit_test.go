package exit

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func TestCodeOf(t *testing.T) {
	cause := errors.New("cause")
	for _, c := range []struct {
		name string
		err  error
		want Code
	}{
		{"nil", nil, Done},
		{"plain", cause, Failed},
		{"usage", Usagef("no %s", "arguments"), Usage},
		{"wrapped", fmt.Errorf("while asking: %w", New(Refused, "removed", "")), Refused},
		{"cancelled", fmt.Errorf("reading: %w", context.Canceled), Interrupted},
		{"its own code wins over the cause", &Error{Code: Unknown, Err: context.Canceled}, Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := CodeOf(c.err); got != c.want {
				t.Fatalf("CodeOf(%v) = %d, want %d", c.err, got, c.want)
			}
		})
	}
}

func TestLineIsOneLine(t *testing.T) {
	err := New(Failed, "the port is taken.\n", "choose another\nwith --listen.")
	if got, want := Line(err), "the port is taken; choose another with --listen"; got != want {
		t.Fatalf("Line = %q, want %q", got, want)
	}
}
