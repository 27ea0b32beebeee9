package httpapi

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/graphsync"
)

// answered gives to every proposal the outcome of the first.
type answered struct {
	*consensustest.Local
	out *consensus.Outcome
}

func (a *answered) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	if a.out != nil {
		return *a.out, nil
	}
	return a.Local.Propose(ctx, p)
}

// silent is a ResponseWriter that keeps nothing.
type silent struct{ h http.Header }

func (s *silent) Header() http.Header            { return s.h }
func (s *silent) WriteHeader(int)                {}
func (s *silent) Write(p []byte) (int, error)    { return len(p), nil }
func (*silent) SetReadDeadline(time.Time) error  { return nil }
func (*silent) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkHotRoute is a property set of 256 bytes through all stages, to the
// state and back, without net/http or the state.
func BenchmarkHotRoute(b *testing.B) {
	state := &answered{Local: consensustest.New(graphsync.NewPart())}
	s := graphsync.NewService(state)
	n, _, err := s.CreateNode(context.Background(), graphsync.WriteOptions{}, graphsync.NewNode{SessionID: "b", NodeType: "n", Label: "n"})
	if err != nil {
		b.Fatal(err)
	}
	props := []byte(`{"v":"` + strings.Repeat("v", 256) + `"}`)
	_, out, err := s.UpdateNode(context.Background(), graphsync.WriteOptions{}, "", n.ID, graphsync.NodePatch{Properties: props})
	if err != nil {
		b.Fatal(err)
	}
	state.Local = nil
	state.out = &out
	cfg := testConfig(io.Discard)
	cfg.Graph, cfg.Logger = s, slog.New(slog.DiscardHandler)
	a := mustBuild(b, cfg)
	body := append(append([]byte(`{"properties":`), props...), '}')
	h := a.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequest(http.MethodPut, "https://node1.lan/graph/nodes/1", io.NopCloser(bytes.NewReader(body)))
		if err != nil {
			b.Fatal(err)
		}
		r.ContentLength, r.Header = int64(len(body)), http.Header{"Authorization": {"Bearer " + userKey}, "Content-Type": {"application/json"}, "User-Agent": {"b"}}
		w := &silent{make(http.Header)}
		h.ServeHTTP(w, r)
		if w.h["Etag"] == nil {
			b.Fatal(w.h)
		}
	}
}
