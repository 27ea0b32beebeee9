package httpapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/agent"
	"github.com/meshd/meshd/node/strictjson"
)

// What the frames of a WebSocket need of their credential, whatever the route
// needed that it came by.
var (
	writeFrames = &Route{Role: access.RoleUser, Scope: "graph:write"}
	readFrames  = &Route{Role: access.RoleViewer, Scope: "graph:read"}
	sendFrames  = &Route{Role: access.RoleAgent, Scope: "messages:write"}
	hearFrames  = &Route{Role: access.RoleAgent, Scope: "messages:read"}
	eventFrames = &Route{Role: access.RoleViewer, Scope: "events:read"}
)

// socketFrames answers the reads and writes of one WebSocket. It implements
// agent.Requests; safe for concurrent use.
type socketFrames struct {
	api        *API
	route      *Route // by which it came
	caller     access.Principal
	credential string // empty for the operator's socket
	agent      string // that it is attached as, if it is
	// had is the highest revision this connection was answered with. This node
	// has it, so a read of it need not wait.
	had     atomic.Uint64
	watches socketWatches
	// sends and stays are the generations of credentials at which Permit and
	// Stay said yes last.
	sends, stays atomic.Uint64
	// owns is the changes of owners at which the agent's name was its last.
	owns atomic.Uint64
}

// generational is an Authenticator that tells when its answers may have
// changed.
type generational interface {
	// Generation changes, before the change is answered, with whatever changes
	// an answer of Authenticate; it is never 0.
	Generation() uint64
}

// still is allow for what is asked for each message: it looks again only when
// some credential has changed since the last yes.
func (s *socketFrames) still(what *Route, yes *atomic.Uint64) error {
	var generation uint64
	if g, ok := s.api.cfg.Auth.(generational); ok {
		if generation = g.Generation(); generation == yes.Load() {
			return nil
		}
	}
	err := s.allow(what)
	if err == nil {
		yes.Store(generation)
		return nil
	}
	return s.Told(err)
}

// allow looks at the credential again, so that one that was revoked stops
// working at once.
func (s *socketFrames) allow(what *Route) error {
	caller := s.caller
	if s.credential != "" {
		var err error
		if caller, err = s.api.cfg.Auth.Authenticate(s.credential); err != nil {
			return err
		}
	}
	if e := what.allows(caller); e != nil {
		return e
	}
	return nil
}

// Permit implements agent.Requests. Whoever may be an agent may speak.
func (s *socketFrames) Permit() error {
	what := s.route
	if what.Scope == AnyScope {
		what = sendFrames
	}
	return s.still(what, &s.sends)
}

// Listen implements agent.Requests. Whoever may be an agent may listen.
func (s *socketFrames) Listen() error {
	what := s.route
	if what.Scope == AnyScope {
		what = hearFrames
	}
	return s.Told(s.allow(what))
}

// Follow implements agent.Requests. Whoever may be an agent hears who comes and
// goes; all others need what GET /events does.
func (s *socketFrames) Follow() error {
	what := s.route
	if what.Scope == AnyScope {
		what = eventFrames
	}
	return s.Told(s.allow(what))
}

// Told implements agent.Requests.
func (s *socketFrames) Told(err error) error { return s.told(context.Background(), err) }

// Stay implements agent.Requests. Whoever was let in may stay, as long as the
// name is not another's.
func (s *socketFrames) Stay() error {
	if err := s.still(s.route, &s.stays); err != nil {
		return err
	}
	return s.Told(s.api.stillActsAs(context.Background(), s.caller, s.agent, &s.owns))
}

// Begin implements agent.Requests.
func (s *socketFrames) Begin(kind string, frame []byte) (string, agent.Request, error) {
	if s.api.cfg.Graph == nil {
		return "", nil, nil
	}
	switch kind {
	case "write":
		f := &socketWrite{s: s}
		var err error
		if !f.plainly(frame) {
			f.writeFrame = writeFrame{}
			err = strictly(frame, &f.writeFrame)
		}
		if err == nil {
			err = f.check()
		}
		return f.ID, f, err
	case "read":
		f := &socketRead{s: s}
		err := strictly(frame, &f.readFrame)
		if err == nil {
			err = f.check()
		}
		return f.ID, f, err
	case "query":
		f := &socketQuery{s: s}
		err := strictly(frame, &f.queryFrame)
		if err == nil {
			err = f.check()
		}
		return f.ID, f, err
	case "watch":
		if s.api.cfg.Watches == nil {
			break
		}
		f, err := decodeWatch(s, frame)
		return f.ID, f, err
	case "task":
		if s.api.cfg.Tasks == nil {
			break
		}
		f := &socketTask{s: s}
		err := strictly(frame, &f.taskFrame)
		if err == nil {
			err = f.check()
		}
		return f.ID, f, err
	case "unwatch":
		f, err := decodeUnwatch(s, frame)
		return f.ID, f, err
	}
	return "", nil, nil
}

// told is err as a WebSocket tells it, mapped by the catalogue.
func (s *socketFrames) told(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := s.api.asError(ctx, err)
	r := &consensus.Refusal{Code: e.Code, Sentence: e.Sentence, Details: map[string]string{}}
	for k, v := range e.Details {
		if k != "problems" { // the field is named, and there is one
			r.Details[k] = fmt.Sprint(v)
		}
	}
	if e.retry > 0 {
		r.Details["retry_after"] = e.retry.String()
	}
	return r
}

// toldOf is told with the place of the refused field spelled for a frame, which
// calls some of them otherwise than the graph does.
func (s *socketFrames) toldOf(ctx context.Context, err error, names map[string]string) error {
	var r *consensus.Refusal
	if errors.As(err, &r) && r.Details["field"] != "" {
		out := *r // a refusal may be shared
		out.Details = maps.Clone(r.Details)
		switch field, op := r.Details["field"], r.Details["op"]; {
		case names[field] != "":
			out.Details["field"] = names[field]
			if rest, is := strings.CutPrefix(r.Sentence, field+" "); is {
				out.Sentence = names[field] + " " + rest
			}
		case field == "operations":
			out.Details["field"] = "ops"
		case op != "":
			out.Details["field"] = "ops[" + op + "]." + field
		}
		err = &out
	}
	return s.told(ctx, err)
}

// saw notes a revision this connection was answered with.
func (s *socketFrames) saw(revision uint64) {
	for {
		had := s.had.Load()
		if had >= revision || s.had.CompareAndSwap(had, revision) {
			return
		}
	}
}

// strictly decodes a frame: one JSON object, no field that is not known.
func strictly(frame []byte, v any) error {
	if err := strictjson.Decode(frame, v); err != nil {
		return badFrame(strictjson.Member(err), err.Error())
	}
	return nil
}

// head is checked of every frame.
func checkHead(is, want, id string) error {
	switch {
	case is != want:
		return badFrame("type", "a frame has one type")
	case id == "" || len(id) > 128 || !visible(id):
		return badFrame("id", "a "+want+" frame needs an id of 1 to 128 visible ASCII characters, by which its answer is told")
	}
	return nil
}

func badFrame(field, sentence string) error {
	r := &consensus.Refusal{Code: CodeInvalid, Sentence: sentence}
	if field != "" {
		r.Details = map[string]string{"field": field}
	}
	return r
}
