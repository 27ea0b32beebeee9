package mcp

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// callTimeout bounds one tool call.
	callTimeout = 20 * time.Second
	// sessionIdle ends a session that nobody has used for so long.
	sessionIdle = 30 * time.Minute
	// maxSessions bounds the sessions of a node, maxOwnSessions those of one
	// caller among them.
	maxSessions    = 1000
	maxOwnSessions = 200
	// statelessSince is the first protocol version without sessions.
	statelessSince = "2026-07-28"
)

// Config is what a Server needs.
type Config struct {
	Graph Graph
	// Version is the program's, told to clients.
	Version string
	// Explain turns an error of the graph into what a model is told; nil takes
	// the error's own words.
	Explain func(context.Context, error) string
	Logger  *slog.Logger
}

// Server serves MCP clients over HTTP. Safe for concurrent use.
type Server struct {
	graph   Graph
	explain func(context.Context, error) string
	log     *slog.Logger

	all, reading *sdk.Server // for callers that may write, and that may not
	sessions     http.Handler
	stateless    http.Handler

	// wrote is the revision of the last write through here: searches see it.
	wrote atomic.Uint64

	notices notices

	mu     sync.Mutex
	owners map[string]string // session → caller
}

// New makes a server.
func New(c Config) *Server {
	s := &Server{graph: c.Graph, explain: c.Explain, log: c.Logger, owners: map[string]string{}}
	if s.explain == nil {
		s.explain = func(_ context.Context, err error) string { return err.Error() }
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.all, s.reading = s.face(c.Version, true), s.face(c.Version, false)
	// Host and Origin are looked at by whoever mounts the server, bodies are
	// bounded there and in ServeHTTP.
	options := sdk.StreamableHTTPOptions{JSONResponse: true, DisableLocalhostProtection: true,
		SessionTimeout: sessionIdle, MaxRequestBodyBytes: -1, PropagateRequestCancellation: true}
	s.sessions = guarded(sdk.NewStreamableHTTPHandler(s.faceFor, &options))
	without := options
	without.Stateless = true
	s.stateless = guarded(sdk.NewStreamableHTTPHandler(s.faceFor, &without))
	return s
}

// instructions are told to models at the start.
const instructions = `A shared memory: entities (name, type, observations) and typed relations between them, kept by a mesh of machines; others may read and write it at the same time. Begin with search or search_nodes rather than read_graph. Use remember to note what you learn in one call. Names are found whatever their case and spacing. Nothing is overwritten by creating it again. Answers are bounded: where one says so, call again with its cursor.`

func (s *Server) face(version string, writes bool) *sdk.Server {
	f := sdk.NewServer(&sdk.Implementation{Name: "meshd-memory", Title: "meshd memory", Version: version},
		&sdk.ServerOptions{Instructions: instructions, PageSize: 200, SubscribeHandler: s.subscribe, UnsubscribeHandler: s.unsubscribe, Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}}})
	for i := range tools {
		if t := &tools[i]; writes || !t.writes {
			f.AddTool(t.definition(), s.handler(t))
		}
	}
	about := resource
	f.AddResource(&about, s.readResource)
	one := entityResource
	f.AddResourceTemplate(&one, s.readResource)
	f.AddReceivingMiddleware(s.unknownTool, namespaced)
	f.AddSendingMiddleware(plainURIs)
	return f
}

// unknownTool answers a call of a tool that is not there in words, as the
// reference server does: a model does not see errors of the protocol.
func (s *Server) unknownTool(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		call, ok := req.GetParams().(*sdk.CallToolParamsRaw)
		if !ok || method != "tools/call" {
			return next(ctx, method, req)
		}
		t := toolNamed(call.Name)
		switch {
		case t == nil:
			return failed("MCP error -32602: Tool " + clip(call.Name, 100) + " not found"), nil
		case t.writes:
			if c, ok := callFor(req); ok && c.Refusal != "" {
				return failed(c.Refusal), nil
			}
		}
		return next(ctx, method, req)
	}
}

func (s *Server) faceFor(r *http.Request) *sdk.Server {
	if callOf(r.Context()).Refusal != "" {
		return s.reading
	}
	return s.all
}

const callExtra = "call"

// guarded hands the call to the tools: the SDK carries a token's facts from
// each request to its handler, and holds a session to the user who began it.
func guarded(h http.Handler) http.Handler {
	verified := auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		c := callOf(ctx)
		return &auth.TokenInfo{UserID: c.Caller, Extra: map[string]any{callExtra: c}}, nil
	}, &auth.RequireBearerTokenOptions{AllowMissingExpiration: true})(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("Authorization", "Bearer known") // the real one has been looked at, and goes no further
		verified.ServeHTTP(w, r)
	})
}

func callFor(req sdk.Request) (Call, bool) {
	extra := req.GetExtra()
	if extra == nil || extra.TokenInfo == nil {
		return Call{}, false
	}
	c, ok := extra.TokenInfo.Extra[callExtra].(Call)
	return c, ok
}

// Close ends all sessions.
func (s *Server) Close() {
	s.endNotices()
	for _, f := range []*sdk.Server{s.all, s.reading} {
		for session := range f.Sessions() {
			_ = session.Close()
		}
	}
}

// rpcError is a refusal in the protocol's own shape.
func rpcError(w http.ResponseWriter, status int, code int64, sentence string) {
	b, err := marshal(map[string]any{"jsonrpc": "2.0", "id": nil, "error": &jsonrpc.Error{Code: code, Message: sentence}}, "")
	if err != nil {
		b = nil
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// sentence is an error as a model is told it.
func (s *Server) sentence(ctx context.Context, err error) string {
	var own said
	if errors.As(err, &own) {
		return own.sentence
	}
	return s.explain(ctx, err)
}
