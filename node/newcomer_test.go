package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/node/wire"
)

// A leader calls a newcomer before that one has been told who belongs.
func TestANewcomerThatDoesNotKnowTheLeaderYetIsNoTrouble(t *testing.T) {
	stranger := fmt.Errorf("node b: %w", wire.ErrNotMember)
	opening := fmt.Errorf("node b: %w", wire.ErrNotReady)
	dead := errors.New("connection refused")
	for _, c := range []struct {
		name  string
		young bool
		err   error
		knows time.Duration // after which it answers
		want  error
		least time.Duration // that the dial took
		most  time.Duration
	}{
		{"it learns in time", true, stranger, 200 * time.Millisecond, nil, 200 * time.Millisecond, 500 * time.Millisecond},
		{"it opens its state in time", true, opening, 200 * time.Millisecond, nil, 200 * time.Millisecond, 500 * time.Millisecond},
		{"it never learns", true, stranger, time.Hour, wire.ErrNotMember, newcomerPatience, newcomerPatience + 250*time.Millisecond},
		{"an old member that does not know us is trouble", false, stranger, time.Second, wire.ErrNotMember, 0, 0},
		{"one that is down is trouble", true, dead, time.Second, dead, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				conn, err := patiently(context.Background(), c.young, func() (net.Conn, error) {
					if time.Since(begun) < c.knows {
						return nil, c.err
					}
					a, b := net.Pipe()
					t.Cleanup(func() { b.Close() })
					return a, nil
				})
				if took := time.Since(begun); !errors.Is(err, c.want) || took < c.least || took > c.most {
					t.Errorf("%v after %v", err, took)
				}
				if conn != nil {
					conn.Close()
				}
			})
		})
	}
}
