package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Whoever sends a message hears why its node cannot be reached, and neither
// where it was looked for nor what an error says by itself.
func TestReasonsNameNoAddresses(t *testing.T) {
	dial := func(errs ...error) error {
		e := &DialError{Node: "node"}
		for _, err := range errs {
			e.Attempts = append(e.Attempts, Attempt{Address: "192.0.2.1:4242", Err: err})
		}
		return fmt.Errorf("node x at 192.0.2.1:4242: %w", e)
	}
	odd := errors.New("read 192.0.2.1: odd")
	for _, c := range []struct {
		err  error
		want string
	}{
		{dial(odd, ErrConnectionRefused), ErrConnectionRefused.Error()},
		{dial(ErrTimeout, ErrPinMismatch), ErrPinMismatch.Error()},
		{fmt.Errorf("waiting: %w", context.DeadlineExceeded), ErrTimeout.Error()},
		{fmt.Errorf("node x: %w", ErrNoTraffic), ErrNoTraffic.Error()},
		{dial(odd), "there is no connection to it"},
		{ErrClosed, "this node is stopping"},
	} {
		if got := Reason(c.err); got != c.want || strings.Contains(got, "192.0.2.1") {
			t.Errorf("%v: %q", c.err, got)
		}
	}
}
