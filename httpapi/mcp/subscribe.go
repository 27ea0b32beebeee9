package mcp

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/meshd/meshd/graphsync"
)

const (
	// noticeEvery is how often subscribers of a resource are told that it has
	// changed, at most; they read it when they like.
	noticeEvery = time.Second
	// maxNotices bounds the resources that are followed at this node, each by a
	// watcher of the graph.
	maxNotices = 500
)

// notices are the resources that sessions have subscribed to, by namespace and
// URI as internal spells them.
type notices struct {
	mu     sync.Mutex
	open   map[string]*notice
	closed bool
	done   sync.WaitGroup
}

// notice is one of them: a watcher of the graph that all its subscribers share.
type notice struct {
	cancel   context.CancelFunc
	sessions map[*sdk.ServerSession]struct{}
}

// internal is a resource of a namespace. The SDK knows subscribers by URI alone,
// and one URI means another memory to each caller; so it is given this, and
// external takes it back on the way out.
func internal(namespace, uri string) string { return namespace + "\x00" + uri }

func external(resource string) (namespace, uri string) {
	namespace, uri, _ = strings.Cut(resource, "\x00")
	return namespace, uri
}

// namespaced spells URIs of subscriptions as internal does on their way in.
func namespaced(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		c, _ := callFor(req)
		switch p := req.GetParams().(type) {
		case *sdk.SubscribeParams:
			p.URI = internal(c.Namespace, p.URI)
		case *sdk.UnsubscribeParams:
			p.URI = internal(c.Namespace, p.URI)
		case *sdk.SubscriptionsListenParams:
			// Of the protocol without sessions, whose answers are no streams here.
			if p.Notifications != nil {
				p.Notifications.ResourceSubscriptions = nil
			}
		}
		return next(ctx, method, req)
	}
}

// plainURIs spells URIs as clients know them on their way out.
func plainURIs(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		if p, ok := req.GetParams().(*sdk.ResourceUpdatedNotificationParams); ok && strings.Contains(p.URI, "\x00") {
			_, p.URI = external(p.URI)
		}
		return next(ctx, method, req)
	}
}

// subscribe follows a resource for a session.
func (s *Server) subscribe(_ context.Context, req *sdk.SubscribeRequest) error {
	namespace, uri := external(req.Params.URI)
	q := graphsync.WatchQuery{WatchFilter: graphsync.WatchFilter{Namespace: namespace}}
	if name, ok := entityOf(uri); ok {
		q.Keys = []string{name}
	} else if uri != resource.URI {
		return sdk.ResourceNotFoundError(uri)
	}
	if req.Session.ID() == "" {
		return said{"a subscription needs a session: initialize one"}
	}
	n := &s.notices
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.open[req.Params.URI]; known != nil {
		known.sessions[req.Session] = struct{}{}
		return nil
	}
	if n.closed || len(n.open) >= maxNotices {
		return said{fmt.Sprintf("this node follows %d resources for its sessions, which is as many as it takes", maxNotices)}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w, err := s.graph.Watch(ctx, q)
	if err != nil {
		cancel()
		return said{s.sentence(ctx, err)}
	}
	if n.open == nil {
		n.open = make(map[string]*notice)
	}
	n.open[req.Params.URI] = &notice{cancel, map[*sdk.ServerSession]struct{}{req.Session: {}}}
	n.done.Go(func() {
		defer cancel()
		s.follow(ctx, req.Params.URI, q, w)
	})
	return nil
}

// unsubscribe ends what nobody else wants; ends of sessions are noticed by
// follow.
func (s *Server) unsubscribe(_ context.Context, req *sdk.UnsubscribeRequest) error {
	s.notices.mu.Lock()
	defer s.notices.mu.Unlock()
	if n := s.notices.open[req.Params.URI]; n != nil {
		if delete(n.sessions, req.Session); len(n.sessions) == 0 {
			n.cancel()
			delete(s.notices.open, req.Params.URI)
		}
	}
	return nil
}

// follow tells the subscribers of a resource of its changes until none is left.
// It owns the watcher.
func (s *Server) follow(ctx context.Context, resource string, q graphsync.WatchQuery, w *graphsync.Watcher) {
	defer func() { w.Close() }()
	for s.wanted(ctx, resource) {
		step, err := w.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil: // fallen behind, or the like: from now on, after a word
			if again, err := s.graph.Watch(ctx, q); err == nil {
				w.Close()
				w = again
			}
		case len(step.Events) == 0:
			continue
		}
		for _, f := range []*sdk.Server{s.all, s.reading} {
			_ = f.ResourceUpdated(ctx, &sdk.ResourceUpdatedNotificationParams{URI: resource}) // fails with the sessions
		}
		select {
		case <-time.After(noticeEvery):
		case <-ctx.Done():
			return
		}
	}
}

// wanted forgets the subscribers whose sessions have ended, and the resource
// with the last.
func (s *Server) wanted(ctx context.Context, resource string) bool {
	live := map[*sdk.ServerSession]bool{}
	for _, f := range []*sdk.Server{s.all, s.reading} {
		for session := range f.Sessions() {
			live[session] = true
		}
	}
	s.notices.mu.Lock()
	defer s.notices.mu.Unlock()
	n := s.notices.open[resource]
	if n == nil || ctx.Err() != nil {
		return false
	}
	for session := range n.sessions {
		if !live[session] {
			delete(n.sessions, session)
		}
	}
	if len(n.sessions) == 0 {
		delete(s.notices.open, resource)
	}
	return len(n.sessions) > 0
}

// endNotices ends all that follows and waits for it.
func (s *Server) endNotices() {
	s.notices.mu.Lock()
	s.notices.closed = true
	for _, n := range s.notices.open {
		n.cancel()
	}
	clear(s.notices.open)
	s.notices.mu.Unlock()
	s.notices.done.Wait()
}

// entityPrefix begins the URI of one entity; its name follows, escaped.
const entityPrefix = "memory://entities/"

func entityOf(uri string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(uri, entityPrefix)
	if !ok {
		return "", false
	}
	name, err := url.PathUnescape(rest)
	return name, err == nil && name != ""
}
