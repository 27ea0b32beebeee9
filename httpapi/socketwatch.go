package httpapi

import (
	"context"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// watchFrame asks for changes of the graph, as the parameters of /graph/stream
// do. Since may also be a token of sync for the same choice: then the places
// told are tokens too.
type watchFrame struct {
	Type      string   `json:"type"`
	ID        string   `json:"id"`
	SessionID string   `json:"session_id"`
	Since     string   `json:"since"`
	Kinds     []string `json:"kinds"`
	NodeTypes []string `json:"node_types"`
	EdgeTypes []string `json:"edge_types"`
	Nodes     []uint64 `json:"nodes"`
	Keys      []string `json:"keys"`
	Include   string   `json:"include"`
}

// watchNames are what a watch frame calls what the graph names in the singular.
var watchNames = map[string]string{"kind": "kinds", "node_type": "node_types", "edge_type": "edge_types", "node_id": "nodes", "key": "keys"}

// socketWatch is a watch under way. It implements agent.Stream.
type socketWatch struct {
	s *socketFrames
	watchFrame
	q       graphsync.WatchQuery
	tokens  bool // since is a token of sync, and so are the places told
	watcher *graphsync.Watcher
	ended   context.CancelFunc // by unwatch
	ctx     context.Context    // the connection's, until ended
}

func (f *socketWatch) check() error {
	if err := checkHead(f.Type, "watch", f.ID); err != nil {
		return err
	}
	f.q.WatchFilter = graphsync.WatchFilter{Namespace: f.SessionID, Kinds: f.Kinds, NodeTypes: f.NodeTypes, EdgeTypes: f.EdgeTypes, Nodes: f.Nodes, Keys: f.Keys}
	var ok bool
	if f.q.Detail, ok = watchDetail(f.Include); !ok {
		return badFrame("include", "include is ids, values or before")
	}
	if f.tokens = f.s.api.cfg.Sync != nil && isToken(f.Since); !f.tokens && !watchSince(&f.q, f.Since) {
		return badFrame("since", "since is a revision, the at of an event, now, or a time such as 2030-01-02T15:04:05Z")
	}
	f.q.Permit = func() error { return f.s.allow(readFrames) }
	return nil
}

// Waits implements agent.Request.
func (*socketWatch) Waits() bool { return true }

// Answer implements agent.Request: it begins the watch.
func (f *socketWatch) Answer(ctx context.Context) ([]byte, error) {
	s := f.s
	if err := s.allow(readFrames); err != nil {
		return nil, s.told(ctx, err)
	}
	f.ctx, f.ended = context.WithCancel(ctx)
	if !s.watches.add(f) {
		f.ended()
		return nil, s.told(ctx, badFrame("id", "a watch with this id is under way"))
	}
	var err error
	if f.watcher, err = f.watch(); err != nil {
		s.watches.remove(f)
		f.ended()
		return nil, s.toldOf(ctx, err, watchNames)
	}
	return append(appendHead(nil, f.ID, f.watcher.At().Revision), '}'), nil
}

func (f *socketWatch) watch() (*graphsync.Watcher, error) {
	if !f.tokens {
		return f.s.api.cfg.Watches.Watch(f.ctx, f.q)
	}
	w, err := f.s.api.cfg.Sync.Watch(f.ctx, graphsync.ChangesQuery{WatchFilter: f.q.WatchFilter, Since: f.Since, Detail: f.q.Detail}, f.q.Permit)
	return w, typed(err)
}

// place spells a place as the client did where it began.
func (f *socketWatch) place(p graphsync.Position) string {
	if !f.tokens {
		return p.String()
	}
	token, _ := f.s.api.cfg.Sync.Token(f.q.WatchFilter, p) // the filter was taken before
	return token
}

// Follow implements agent.Stream.
func (f *socketWatch) Follow(ctx context.Context, push func([]byte) error) {
	defer f.ended()
	defer f.s.watches.remove(f)
	defer f.watcher.Close()
	for {
		step, err := f.watcher.Next(f.ctx)
		if err != nil {
			if f.ctx.Err() == nil {
				cut := f.s.api.watchCut(ctx, f.watcher.At(), err)
				cut.Since = f.place(f.watcher.At())
				_ = push(f.frame("cut", cut.Since, marshal(cut))) // fails with the connection
			}
			return
		}
		if len(step.Events) == 0 {
			if push(f.frame("bookmark", f.place(step.At), marshal(bookmarkOf(step.At)))) != nil {
				return
			}
		}
		for _, e := range step.Events {
			if f.ctx.Err() != nil || push(f.frame("change", f.place(e.After()), e.JSON(f.q.Detail))) != nil {
				return
			}
		}
	}
}

// frame is an event frame of this watch.
func (f *socketWatch) frame(event, at string, data []byte) []byte {
	b := make([]byte, 0, 96+len(f.ID)+len(data))
	b = append(b, `{"type":"event","id":`...)
	b = append(b, marshal(f.ID)...)
	b = append(append(b, `,"event":"`...), event...)
	b = append(append(b, `","at":"`...), at...)
	b = append(append(b, `","data":`...), data...)
	return append(b, '}')
}

// unwatchFrame ends a watch of this connection.
type unwatchFrame struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Watch string `json:"watch"`
}

// socketUnwatch is an unwatch under way.
type socketUnwatch struct {
	s *socketFrames
	unwatchFrame
}

// Waits implements agent.Request.
func (*socketUnwatch) Waits() bool { return false }

// Answer implements agent.Request. Events that are on their way may follow it.
func (f *socketUnwatch) Answer(ctx context.Context) ([]byte, error) {
	if !f.s.watches.end(f.Watch) {
		return nil, f.s.told(ctx, &consensus.Refusal{Code: graphsync.CodeNotFound, Sentence: "this connection has no watch " + strconv.Quote(clip(f.Watch, 128)),
			Details: map[string]string{"field": "watch"}})
	}
	return append(append([]byte(`{"type":"result","id":`), marshal(f.ID)...), '}'), nil
}

func decodeWatch(s *socketFrames, frame []byte) (*socketWatch, error) {
	f := &socketWatch{s: s}
	err := strictly(frame, &f.watchFrame)
	if err == nil {
		err = f.check()
	}
	return f, err
}

func decodeUnwatch(s *socketFrames, frame []byte) (*socketUnwatch, error) {
	f := &socketUnwatch{s: s}
	if err := strictly(frame, &f.unwatchFrame); err != nil {
		return f, err
	}
	return f, checkHead(f.Type, "unwatch", f.ID)
}
