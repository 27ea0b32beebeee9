// Package bridge joins an MCP client on standard input and output, as desktop
// programs start their servers, to the memory that a node serves over HTTP.
//
// It offers what the node offers and keeps nothing: each call is handed on and
// its answer handed back. When the node is gone for a while it connects anew;
// a call is only repeated where that cannot do a thing twice.
package bridge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// connectTimeout bounds how long a call waits for the node.
	connectTimeout = 15 * time.Second
	// callTimeout is longer than the node takes for any call.
	callTimeout = 35 * time.Second
)

// Options says what to join.
type Options struct {
	// Endpoint is the address of the node's MCP service, HTTP reaches it.
	Endpoint string
	HTTP     *http.Client
	In       io.Reader
	Out      io.Writer
	Version  string
	Logger   *slog.Logger
}

// link is the connection to the node.
type link struct {
	o      Options
	mu     sync.Mutex
	live   *sdk.ClientSession // nil: none
	unsure map[string]bool    // tools that may not be called twice
}

// Serve carries calls until the input ends, which is no error, or ctx does.
func Serve(ctx context.Context, o Options) error {
	l := &link{o: o, unsure: map[string]bool{}}
	defer l.drop(nil)
	up, err := l.session(ctx)
	if err != nil {
		return err
	}
	server, err := l.face(ctx, up)
	if err != nil {
		return err
	}
	out := &writer{w: o.Out}
	err = server.Run(ctx, &sdk.IOTransport{Reader: io.NopCloser(&lines{ctx: ctx, in: o.In, out: out}), Writer: out})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// face is the node's service as the client here sees it.
func (l *link) face(ctx context.Context, up *sdk.ClientSession) (*sdk.Server, error) {
	about := up.InitializeResult()
	server := sdk.NewServer(about.ServerInfo, &sdk.ServerOptions{Instructions: about.Instructions, PageSize: 200, Logger: l.o.Logger,
		Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}}})
	for tool, err := range up.Tools(ctx, nil) {
		if err != nil {
			return nil, fmt.Errorf("asking the node for its tools: %w", err)
		}
		hints := tool.Annotations
		l.unsure[tool.Name] = hints == nil || !hints.ReadOnlyHint && !hints.IdempotentHint
		server.AddTool(tool, func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return l.call(ctx, r.Params)
		})
	}
	for resource, err := range up.Resources(ctx, nil) {
		if err != nil {
			return nil, fmt.Errorf("asking the node for its resources: %w", err)
		}
		server.AddResource(resource, l.read)
	}
	server.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, r sdk.Request) (sdk.Result, error) {
			if p, ok := r.GetParams().(*sdk.CallToolParamsRaw); ok && method == "tools/call" {
				return l.call(ctx, p) // tools that are not listed too: the node has the words for it
			}
			return next(ctx, method, r)
		}
	})
	return server, nil
}

// call hands a call on. What goes wrong on the way is told as a result, which a
// model sees.
func (l *link) call(ctx context.Context, p *sdk.CallToolParamsRaw) (*sdk.CallToolResult, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	params := &sdk.CallToolParams{Name: p.Name}
	if len(p.Arguments) > 0 {
		params.Arguments = p.Arguments
	}
	patience, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		up, err := l.session(ctx)
		if err != nil {
			return told("the node cannot be reached, nothing was done: " + err.Error()), nil
		}
		res, err := up.CallTool(ctx, params)
		if err == nil {
			delete(res.Meta, "io.modelcontextprotocol/serverInfo") // the server here is another
			return res, nil
		}
		how := fateOf(err)
		if how == answered {
			return nil, err
		}
		l.drop(up)
		if how == lost && l.unsure[p.Name] {
			return told("the answer was lost, the call may have taken effect: read before repeating it (" + err.Error() + ")"), nil
		}
		select {
		case <-patience.Done():
			return told("the node does not answer: " + err.Error()), nil
		case <-time.After(wait):
		}
	}
}

// read hands the reading of a resource on.
func (l *link) read(ctx context.Context, r *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		up, err := l.session(ctx)
		if err != nil {
			return nil, fmt.Errorf("the node cannot be reached: %w", err)
		}
		res, err := up.ReadResource(ctx, &sdk.ReadResourceParams{URI: r.Params.URI})
		if err == nil {
			return res, nil
		}
		if fateOf(err) == answered || attempt == 2 {
			return nil, err
		}
		l.drop(up)
	}
}

// fate is what became of a call that brought no result.
type fate int

const (
	answered fate = iota // with an error of the protocol
	unsent               // the node took nothing in
	lost                 // nobody knows
)

func fateOf(err error) fate {
	var protocol *jsonrpc.Error
	var dial *net.OpError
	var sent *url.Error
	isProtocol := errors.As(err, &protocol)
	switch {
	case errors.Is(err, sdk.ErrSessionMissing), errors.As(err, &dial) && dial.Op == "dial":
		return unsent
	case errors.As(err, &sent):
		return lost
	case isProtocol && protocol.Code == rejected: // by a node that is stopping or has too much to do
		return unsent
	case isProtocol:
		return answered
	}
	return lost
}

// rejected is the code of the SDK's own error for what its transport did not
// deliver.
const rejected = -32005

func told(sentence string) *sdk.CallToolResult {
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: sentence}}}
}

// session returns the live session, or begins one; while the node is starting
// it tries again.
func (l *link) session(ctx context.Context) (*sdk.ClientSession, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.live != nil {
		return l.live, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		client := sdk.NewClient(&sdk.Implementation{Name: "meshd-mcp", Version: l.o.Version},
			&sdk.ClientOptions{Logger: l.o.Logger, Capabilities: &sdk.ClientCapabilities{}})
		up, err := client.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: l.o.Endpoint, HTTPClient: l.o.HTTP, DisableStandaloneSSE: true}, nil)
		if err == nil {
			l.live = up
			return up, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
	}
}

// drop forgets a session, any with nil, and lets it go.
func (l *link) drop(up *sdk.ClientSession) {
	l.mu.Lock()
	live := l.live
	if up == nil || live == up {
		l.live = nil
	}
	l.mu.Unlock()
	if up == nil {
		up = live
	}
	if up != nil {
		_ = up.Close()
	}
}
