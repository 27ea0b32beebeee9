package httpapi

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"
)

// What one address may ask without a credential: enough for probes of several
// kinds, too little to be of use to a guesser.
const (
	strangerRate      = 30 // a second
	strangerBurst     = 60
	strangerAddresses = 10_000
)

// limitRate bounds how many requests of one credential are at work at once, and
// what strangers ask of the public routes, by address. Failed authentications have
// an account of their own: who guesses keys keeps nobody at the same address from
// the health of a node, or from a WebSocket whose first message has its key.
func (a *API) limitRate(c *gin.Context) {
	x := exchangeOf(c.Request.Context())
	if x.known {
		if !a.work.requests.take(x.caller, cap(a.slots)) {
			a.Refuse(c, Fail(CodeOverloaded, "the node is at work on as many requests of this credential as it takes of one"))
			return
		}
		defer a.work.requests.give(x.caller)
		c.Next()
		return
	}
	if wait, ok := a.strangers.take(x.address, a.cfg.Now()); !ok {
		a.Refuse(c, Fail(CodeRateLimited, "").RetryAfter(wait))
	}
}

// limiter is a token bucket per address, for a bounded number of addresses:
// the one not seen for longest makes room. Safe for concurrent use.
type limiter struct {
	rate  rate.Limit
	burst int
	max   int

	mu      sync.Mutex
	order   *list.List // of *bucket, the most recent in front
	buckets map[string]*list.Element
}

type bucket struct {
	key    string
	tokens *rate.Limiter
}

func newLimiter(perSecond float64, burst, addresses int) *limiter {
	return &limiter{rate: rate.Limit(perSecond), burst: burst, max: addresses, order: list.New(), buckets: map[string]*list.Element{}}
}

// take spends a token of address, or says how long until there is one.
func (l *limiter) take(address string, now time.Time) (wait time.Duration, ok bool) {
	key := networkOf(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.buckets[key]
	if e == nil {
		if l.order.Len() >= l.max {
			last := l.order.Back()
			delete(l.buckets, last.Value.(*bucket).key)
			l.order.Remove(last)
		}
		e = l.order.PushFront(&bucket{key, rate.NewLimiter(l.rate, l.burst)})
		l.buckets[key] = e
	}
	l.order.MoveToFront(e)
	r := e.Value.(*bucket).tokens.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return wait, false
	}
	return 0, true
}

// networkOf counts an IPv6 host by its /64, of which it owns every address.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Is4() || ip.Is4In6() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
