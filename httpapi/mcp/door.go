package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// MaxBody bounds a request, in bytes: more than one batch of the graph
	// takes, whatever its spelling.
	MaxBody = 4 << 20
	// maxDepth bounds how deep a request's JSON nests.
	maxDepth = 64

	sessionHeader  = "Mcp-Session-Id"
	protocolHeader = "Mcp-Protocol-Version"
)

// ServeHTTP answers POST, GET and DELETE of the streamable HTTP transport. The
// request's context must have a Call (WithCall).
//
// Requests of protocols with sessions go to their session; those of later
// protocols, and single calls without a session, stand alone and may be sent
// to any node.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, ok := r.Context().Value(callKey{}).(Call); !ok {
		http.Error(w, errNoCall.Error(), http.StatusInternalServerError)
		return
	}
	if r.Method != http.MethodPost {
		if r.Header.Get(protocolHeader) >= statelessSince {
			s.stateless.ServeHTTP(w, r)
			return
		}
		r.Header.Set("Accept", "text/event-stream")
		s.sessions.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			rpcError(w, http.StatusRequestEntityTooLarge, jsonrpc.CodeInvalidRequest, fmt.Sprintf("the request is larger than %d bytes: send less at a time", MaxBody))
		}
		return // or the client is gone
	}
	if fault := malformed(body); fault != "" {
		rpcError(w, http.StatusBadRequest, jsonrpc.CodeParseError, fault)
		return
	}
	// Whoever takes JSON is served: answers are never streams here.
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case r.Header.Get(protocolHeader) >= statelessSince:
		s.stateless.ServeHTTP(w, r)
	case r.Header.Get(sessionHeader) != "":
		s.sessions.ServeHTTP(w, r)
	case !initializes(body):
		s.stateless.ServeHTTP(w, r)
	default:
		s.begin(w, r)
	}
}

// malformed says what must not reach a decoder.
func malformed(body []byte) string {
	if !utf8.Valid(body) {
		return "the request is not valid UTF-8"
	}
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return fmt.Sprintf("the request nests deeper than %d levels", maxDepth)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	if !json.Valid(body) {
		return "the request is not JSON"
	}
	return ""
}

func initializes(body []byte) bool {
	var m struct {
		Method string `json:"method"`
	}
	return json.Unmarshal(body, &m) == nil && m.Method == "initialize"
}

// begin lets a new session in where there is room.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	if !s.room(c.Caller) {
		w.Header().Set("Retry-After", "10")
		rpcError(w, http.StatusServiceUnavailable, jsonrpc.CodeInternalError, "too many sessions are open: end some, or wait")
		return
	}
	s.sessions.ServeHTTP(w, r)
	if id := w.Header().Get(sessionHeader); id != "" {
		s.mu.Lock()
		s.owners[id] = c.Caller
		s.mu.Unlock()
	}
}

// room counts the sessions that are open, those of a caller among them.
// Sessions that begin at the same moment are not seen: the bounds are soft by
// as many as are at work at once.
func (s *Server) room(caller string) bool {
	open := map[string]bool{}
	for _, f := range []*sdk.Server{s.all, s.reading} {
		for session := range f.Sessions() {
			open[session.ID()] = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for id, owner := range s.owners {
		switch {
		case !open[id]:
			delete(s.owners, id)
		case owner == caller:
			own++
		}
	}
	return len(open) < maxSessions && own < maxOwnSessions
}
