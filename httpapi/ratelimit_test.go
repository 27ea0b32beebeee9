package httpapi

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestStrangersAreLimitedAndCallersAreNot(t *testing.T) {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	cfg := testConfig(io.Discard)
	cfg.Now = c.Now
	a := mustBuild(t, cfg)
	h := a.Handler()
	for _, tt := range []struct {
		name, target string
		status       int
	}{{"guessing", "/echo", 401}, {"public", "/health", 200}} {
		a.strangers, a.guesses = newLimiter(2, 5, 100), newLimiter(2, 5, 100)
		for i := range 5 {
			if res := ask(t, h, "GET", tt.target, "", "X-API-Key: guess-"+strconv.Itoa(i)); res.StatusCode != tt.status {
				t.Fatalf("%s %d: %d", tt.name, i, res.StatusCode)
			}
		}
		res := ask(t, h, "GET", tt.target, "")
		if e := refusal(t, res); e.Code != CodeRateLimited || res.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %s, Retry-After %q", tt.name, e.Code, res.Header.Get("Retry-After"))
		}
		if res := ask(t, h, "GET", "/echo", "", "X-API-Key: "+viewerKey); res.StatusCode != 200 {
			t.Errorf("%s: a caller at the same address got %d", tt.name, res.StatusCode)
		}
		// Retry-After is true: after it, one passes.
		c.advance(time.Second)
		if res := ask(t, h, "GET", tt.target, ""); res.StatusCode != tt.status {
			t.Errorf("%s after waiting: %d", tt.name, res.StatusCode)
		}
	}
	a.strangers = newLimiter(1, 1, 100)
	for range 5 {
		if res := ask(t, a.SocketHandler(), "GET", "/health", ""); res.StatusCode != http.StatusOK {
			t.Errorf("the socket is limited: %d", res.StatusCode)
		}
	}
}

// Two threads of bad keys at an address kept all others there from its health and
// from attaching by a first message.
func TestWhoGuessesKeysLocksNobodyOut(t *testing.T) {
	c := &clock{now: time.Unix(1_700_000_000, 0)}
	cfg := testConfig(io.Discard)
	cfg.Now = c.Now
	a := mustBuild(t, cfg)
	for i := range 2 * strangerBurst {
		want := http.StatusUnauthorized
		if i >= strangerBurst {
			want = http.StatusTooManyRequests
		}
		if res := ask(t, a.Handler(), "GET", "/echo", "", "X-API-Key: guess-"+strconv.Itoa(i)); res.StatusCode != want {
			t.Fatalf("guess %d: %d", i, res.StatusCode)
		}
	}
	if res := ask(t, a.Handler(), "GET", "/health", ""); res.StatusCode != http.StatusOK {
		t.Errorf("its health: %d", res.StatusCode)
	}
}

func TestLimiterIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimiter(1, 1, 3)
	for i := range 100 {
		if _, ok := l.take(fmt.Sprintf("192.0.2.%d", i), now); !ok {
			t.Fatalf("a new address %d was refused", i)
		}
	}
	if len(l.buckets) != 3 || l.order.Len() != 3 {
		t.Errorf("%d buckets, %d in order", len(l.buckets), l.order.Len())
	}
	if wait, ok := l.take("192.0.2.99", now); ok || wait != time.Second {
		t.Errorf("the latest is remembered: %v %v", wait, ok)
	}
	if _, ok := l.take("192.0.2.1", now); !ok {
		t.Error("the oldest was kept")
	}
	// One host of IPv6 owns a whole /64.
	l.take("2001:db8::1", now)
	if _, ok := l.take("2001:db8::ffff:2", now); ok {
		t.Error("a second address of the same /64 has its own budget")
	}
}
