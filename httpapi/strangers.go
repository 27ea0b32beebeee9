package httpapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	// maxStrangers is how many requests without a credential are served at a time,
	// maxStrangersEach those of one address (IPv6: a /64). As many again are told
	// that they are not.
	maxStrangers     = 2048
	maxStrangersEach = 64
	// strangerTakes is how long a stranger has for what is left of an answer when
	// its handler has ended.
	strangerTakes = 2 * time.Second
)

// crowd counts the requests without a credential that are under way: until the
// client has taken the answer, which flow control lets it put off, on 100 streams
// of a connection. Safe for concurrent use.
type crowd struct {
	most, each int
	takes      time.Duration // strangerTakes

	mu  sync.Mutex
	all int
	by  map[string]int // of each network
}

func newCrowd(most, each int) *crowd {
	return &crowd{most: most, each: each, takes: strangerTakes, by: map[string]int{}}
}

// enter counts one more, unless there are as many times the bounds already. full
// says which bound it is: that of all.
func (c *crowd) enter(address string, times int) (ok, full bool) {
	key := networkOf(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	if full = c.all >= times*c.most; full || c.by[key] >= times*c.each {
		return false, full
	}
	c.all++
	c.by[key]++
	return true, false
}

func (c *crowd) leave(address string) {
	key := networkOf(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.by[key]--; c.by[key] == 0 {
		delete(c.by, key)
	}
}

// admit lets a stranger's request to a public route pass while there are not too
// many.
func (a *API) admit(c *gin.Context, x *exchange) {
	var full bool
	if x.stranger, full = a.crowd.enter(x.address, 1); x.stranger {
		return
	}
	if full {
		a.Refuse(c, Fail(CodeOverloaded, "the node answers as many requests without a credential as it takes at a time"))
		return
	}
	a.Refuse(c, Fail(CodeRateLimited, "too many requests without a credential are under way from this address"))
}

// seeOff stays with a stranger's answer until the client has it. Over HTTP/1 a
// connection has one at a time, which the port counts.
func (a *API) seeOff(x *exchange) {
	if x.known || x.socket || !x.streams {
		return
	}
	if !x.stranger {
		if x.stranger, _ = a.crowd.enter(x.address, 2); !x.stranger {
			panic(http.ErrAbortHandler)
		}
	}
	control := http.NewResponseController(x.response.ResponseWriter)
	_ = control.SetWriteDeadline(time.Now().Add(a.crowd.takes))
	_ = control.Flush() // whoever did not take it has no answer
}

// left ends what admit or seeOff began.
func (a *API) left(x *exchange) {
	if x.stranger {
		a.crowd.leave(x.address)
	}
}
