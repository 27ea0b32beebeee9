package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

func TestCallBothWaysOverOneConnection(t *testing.T) {
	a, b := pair(t)
	a.Handle("echo", echo)
	b.Handle("echo", func(ctx context.Context, from identity.NodeID, body []byte) ([]byte, error) {
		return []byte(string(from) + RequestID(ctx) + string(body)), nil
	})
	got, err := a.Call(WithRequestID(within(t, patience), "req-1"), b.id, "echo", []byte("x"))
	if err != nil || string(got) != string(a.id)+"req-1x" {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err = b.Call(within(t, patience), a.id, "echo", []byte("y")); err != nil || string(got) != "y" {
		t.Fatalf("%q, %v", got, err)
	}
	if n := len(a.openSessions(nil)) + len(b.openSessions(nil)); n != 2 {
		t.Errorf("%d ends of connections, want 2", n)
	}
	big := bytes.Repeat([]byte{7}, MaxBody)
	if got, err := a.Call(within(t, patience), a.id, "echo", big); err != nil || !bytes.Equal(got, big) {
		t.Error("self:", err)
	}
	if got, err := b.Call(within(t, patience), a.id, "echo", big); err != nil || !bytes.Equal(got, big) {
		t.Error("largest body:", err)
	}
	if _, err := b.Call(within(t, patience), a.id, "echo", append(big, 1)); !errors.Is(err, ErrTooLarge) {
		t.Error("too large:", err)
	}
	eventually(t, "a round trip measured", func() bool {
		s := a.PeerStates()
		return len(s) == 1 && s[0].Connected && s[0].RTT > 0
	})
	if offset, n := a.ClockOffset(); n != 1 || offset.Abs() > 10*time.Second {
		t.Errorf("offset %v of %d", offset, n)
	}
}

func TestErrorsThatCross(t *testing.T) {
	a, b := pair(t)
	for name, err := range map[string]error{
		"remote":  &RemoteError{Code: "NOT_HERE", Sentence: "it is not here", Details: map[string]string{"k": "v"}},
		"refusal": fmt.Errorf("wrapped: %w", consensus.Refuse("TAKEN", "it is taken")),
		"secret":  errors.New("password is hunter2"),
		"timeout": context.DeadlineExceeded,
	} {
		b.Handle(name, func(context.Context, identity.NodeID, []byte) ([]byte, error) { return nil, err })
		a.Handle(name, func(context.Context, identity.NodeID, []byte) ([]byte, error) { return nil, err })
	}
	for _, n := range []*node{a, b} {
		n.Handle("panic", func(context.Context, identity.NodeID, []byte) ([]byte, error) { panic("hunter2") })
		n.Handle("huge", func(context.Context, identity.NodeID, []byte) ([]byte, error) { return make([]byte, MaxBody+1), nil })
	}
	for _, tc := range []struct{ method, code string }{
		{"remote", "NOT_HERE"}, {"refusal", "TAKEN"}, {"secret", CodeInternal}, {"timeout", CodeTimeout}, {"panic", CodeInternal},
		{"nobody", CodeUnknownMethod}, {"huge", CodeInternal},
	} {
		for _, to := range []identity.NodeID{b.id, a.id} {
			if to == a.id && tc.method == "huge" {
				continue
			}
			_, err := a.Call(within(t, patience), to, tc.method, nil)
			var remote *RemoteError
			if !errors.As(err, &remote) || remote.Code != tc.code {
				t.Errorf("%s: %v", tc.method, err)
				continue
			}
			if strings.Contains(remote.Sentence, "hunter2") {
				t.Errorf("%s leaks: %s", tc.method, remote.Sentence)
			}
			if tc.method == "remote" && remote.Details["k"] != "v" {
				t.Error("details were lost")
			}
		}
	}
}

func TestDeadlineAndCancelCross(t *testing.T) {
	a, b := pair(t)
	ended := make(chan error, 20)
	started := make(chan time.Duration, 20)
	b.Handle("wait", func(ctx context.Context, _ identity.NodeID, _ []byte) ([]byte, error) {
		deadline, _ := ctx.Deadline()
		started <- time.Until(deadline)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	result := make(chan error, 1)
	go func() {
		_, err := a.Call(ctx, b.id, "wait", nil)
		result <- err
	}()
	if left := <-started; left > time.Minute || left < 10*time.Second {
		t.Errorf("the deadline arrived as %v", left)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for d := 30 * time.Millisecond; ; d *= 2 {
		short, cancelShort := context.WithTimeout(context.Background(), d)
		_, err := a.Call(short, b.id, "wait", nil)
		cancelShort()
		if err == nil {
			t.Error("no error after the deadline")
		}
		select {
		case <-started:
			<-ended
			return
		case <-time.After(d): // a busy machine did not bring it there in time
			if d > patience {
				t.Fatal("the call never arrived")
			}
		}
	}
}

func TestSimultaneousDialsSettleOnOneLink(t *testing.T) {
	for range 20 {
		a, b := pair(t)
		a.Handle("echo", echo)
		b.Handle("echo", echo)
		var both sync.WaitGroup
		for range 8 {
			both.Go(func() {
				if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
					t.Error("a:", err)
				}
			})
			both.Go(func() {
				if _, err := b.Call(within(t, patience), a.id, "echo", nil); err != nil {
					t.Error("b:", err)
				}
			})
		}
		both.Wait()
		eventually(t, "one link", func() bool { return len(a.openSessions(nil)) == 1 && len(b.openSessions(nil)) == 1 })
		for range 5 { // and it stays usable
			if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestCallsFailFastWhenTheLinkDies(t *testing.T) {
	a, b := pair(t)
	started := make(chan struct{}, 50)
	b.Handle("hang", func(ctx context.Context, _ identity.NodeID, _ []byte) ([]byte, error) {
		started <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	results := make(chan error, 50)
	for range 50 {
		go func() {
			_, err := a.Call(context.Background(), b.id, "hang", nil)
			results <- err
		}()
	}
	for range 50 {
		<-started
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	for range 50 { // their contexts never end
		if err := <-results; !errors.Is(err, ErrLost) {
			t.Error(err)
		}
	}
	eventually(t, "calls refused at once", func() bool {
		_, err := a.Call(within(t, patience), b.id, "hang", nil)
		return errors.Is(err, ErrUnreachable) && errors.Is(err, ErrConnectionRefused)
	})
	prompt(t, 100*time.Millisecond, "a refusal", func() {
		if _, err := a.Call(context.Background(), b.id, "hang", nil); !errors.Is(err, ErrUnreachable) {
			t.Error(err)
		}
	})
}

func TestReconnectAfterRestart(t *testing.T) {
	a, b := pair(t)
	b.Handle("echo", echo)
	if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := startNodeAt(t, b.identity, b.book, b.address)
	again.Handle("echo", echo)
	eventually(t, "a call gets through again", func() bool {
		_, err := a.Call(within(t, patience), b.id, "echo", nil)
		return err == nil
	})
}

// F18: a peer that takes nothing delays only those who call it.
func TestSilentPeerDelaysNobody(t *testing.T) {
	a, b := pair(t, func(_ *Config, l *limits) { l.dial, l.hello = time.Hour, time.Hour })
	b.Handle("echo", echo)
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	silent := newIdentity(t)
	a.book.set(Peer{ID: silent.ID(), Pins: []identity.Pin{silent.Pin()}, Addresses: []string{hole.Addr().String()}})
	stuck := make(chan error, 1)
	waiting, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, err := a.Call(waiting, silent.ID(), "echo", nil)
		stuck <- err
	}()
	kept, err := hole.Accept() // it is on its way
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close() // the garbage collector would close what nobody holds
	for range 100 {
		if _, err := a.Call(within(t, patience), b.id, "echo", nil); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-stuck; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestOverloadIsRefused(t *testing.T) {
	a, b := pair(t, func(c *Config, _ *limits) { c.Budgets.CallsPerPeer = 4 })
	release := make(chan struct{})
	started := make(chan struct{}, 4)
	b.Handle("hang", func(context.Context, identity.NodeID, []byte) ([]byte, error) {
		started <- struct{}{}
		<-release
		return nil, nil
	})
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			if _, err := a.Call(within(t, patience), b.id, "hang", nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-started
	}
	var remote *RemoteError
	if _, err := a.Call(within(t, patience), b.id, "hang", nil); !errors.As(err, &remote) || remote.Code != CodeOverloaded {
		t.Error(err)
	}
	if _, err := a.Call(within(t, patience), b.id, "hang", make([]byte, 1000)); !errors.As(err, &remote) || remote.Code != CodeOverloaded {
		t.Error(err)
	}
	close(release)
	running.Wait()
	if _, err := a.Call(within(t, patience), b.id, "hang", nil); err != nil {
		t.Error("after the load:", err)
	}
	link, err := b.peerOf(a.id).connected(within(t, patience))
	if err != nil {
		t.Fatal(err)
	}
	if calls, bytes := link.running.Load(), link.held.Load(); calls != 0 || bytes != 0 {
		t.Errorf("%d calls and %d bytes are left in the counts", calls, bytes)
	}
}

func BenchmarkCall(b *testing.B) {
	x, y := pair(b)
	y.Handle("echo", echo)
	body := make([]byte, 256)
	ctx := context.Background()
	if _, err := x.Call(ctx, y.id, "echo", body); err != nil {
		b.Fatal(err)
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := x.Call(ctx, y.id, "echo", body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel64", func(b *testing.B) {
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := x.Call(ctx, y.id, "echo", body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
