package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// stuckPart is the graph on a machine that does not get on while the gate is
// shut.
type stuckPart struct {
	*graphsync.Part
	gate sync.RWMutex
}

func (p *stuckPart) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	p.gate.RLock()
	defer p.gate.RUnlock()
	return p.Part.Apply(w, c)
}

// A node that cannot keep up refuses at once and says when to come again; what
// it has accepted it does, and what it has refused it does not.
func TestOverloadIsRefusedAtOnceAndLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector makes minutes of 700 writers, and writes run out of time")
	}
	dir := t.TempDir()
	if err := consensus.Bootstrap(dir); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	part := &stuckPart{Part: graphsync.NewPart()}
	g, err := consensus.Open(consensus.Config{Dir: dir, Parts: []consensus.Part{part}, Listener: l, Dial: func(context.Context, string) (net.Conn, error) {
		return nil, net.ErrClosed
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	a := graphAPI(t, func(c *Config) { c.Graph, c.MaxInFlight = graphsync.NewService(g), 100_000 })
	call(t, a, 201, "POST", "/graph/nodes", `{"session_id":"s","node_type":"t","label":"first"}`)

	part.gate.Lock()
	filler := strings.Repeat("x", 60<<10)
	write := func(i int) (*httptest.ResponseRecorder, time.Duration) {
		r := httptest.NewRequest("POST", "/graph/nodes", strings.NewReader(fmt.Sprintf(`{"session_id":"s","node_type":"t","label":"n%d","key":"k%d","properties":{"v":%q}}`, i, i, filler)))
		r.Host = "node1.lan:7443"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-API-Key", userKey)
		w := httptest.NewRecorder()
		begun := time.Now()
		a.Handler().ServeHTTP(w, r)
		return w, time.Since(begun)
	}
	const writers = 700 // 42 MB, of which 32 MiB have room
	var accepted, refused, unknown atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			switch w, _ := write(i); {
			case w.Code == http.StatusCreated:
				accepted.Add(1)
			case strings.Contains(w.Body.String(), CodeOverloaded):
				refused.Add(1)
			case strings.Contains(w.Body.String(), CodeOutcomeUnknown): // it waited for too long
				unknown.Add(1)
			default:
				t.Errorf("%d: %s", w.Code, clip(w.Body.String(), 300))
			}
		})
	}
	for end := time.Now().Add(time.Minute); refused.Load() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			part.gate.Unlock()
			t.Fatal("nothing was refused")
		}
	}
	var took []time.Duration
	for i := range 200 {
		w, d := write(writers + i)
		took = append(took, d)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), CodeOverloaded) {
			t.Errorf("%d %v: %s", w.Code, w.Header(), clip(w.Body.String(), 300))
			break
		}
	}
	part.gate.Unlock()
	all.Wait()
	slices.Sort(took)
	t.Logf("%d accepted, %d refused, %d unknown; a refusal took %s (half), %s (99 of 100)", accepted.Load(), refused.Load(), unknown.Load(), took[len(took)/2], took[len(took)*99/100])
	stats := call(t, a, 200, "GET", "/graph/stats?session_id=s&consistency=linearizable", "")
	have, least := stats.number(t, "nodes"), uint64(accepted.Load())+1
	if have < least || have > least+uint64(unknown.Load()) || refused.Load() == 0 {
		t.Errorf("%d nodes, %d accepted, %d refused, %d unknown", have, accepted.Load(), refused.Load(), unknown.Load())
	}
}
