package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/meshd/meshd/graphsync"
)

// tellBytes is how much of a step is written at once.
const tellBytes = 64 << 10

// watchTeller spells a stream.
type watchTeller interface {
	media() string
	event(b []byte, e *graphsync.Event, d graphsync.Detail) []byte
	bookmark(b []byte, at graphsync.Position) []byte
	cut(b []byte, c *watchCut) []byte
}

// watchCut is the last thing a client is told: why, and where to resume.
type watchCut struct {
	Code     string         `json:"code"`
	Sentence string         `json:"error"`
	Since    string         `json:"since"`
	Details  map[string]any `json:"details,omitempty"`
}

// codeSlow is the code of a cut for being too slow; it is no refusal, since the
// request went well so far.
const codeSlow = "TOO_SLOW"

// tellStep writes a step in parts.
func tellStep(w io.Writer, tell watchTeller, step graphsync.Step, d graphsync.Detail) error {
	var b []byte
	for _, e := range step.Events {
		if b = tell.event(b, e, d); len(b) >= tellBytes {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if len(step.Events) == 0 {
		b = tell.bookmark(b, step.At)
	}
	if len(b) == 0 {
		return nil
	}
	_, err := w.Write(b)
	return err
}

// cutOf is what to tell of an error that ends a stream; nil where nobody
// listens.
func (a *API) cutOf(s *stream, w *graphsync.Watcher, err error) *watchCut {
	if s.ctx.Err() != nil {
		if err = s.cause(nil); err == nil {
			return nil
		}
	}
	return a.watchCut(s.ctx, w.At(), err)
}

func (a *API) watchCut(ctx context.Context, at graphsync.Position, err error) *watchCut {
	var slow *graphsync.Cut
	if errors.As(err, &slow) {
		return &watchCut{Code: codeSlow, Sentence: slow.Error(), Since: at.String()}
	}
	e := a.asError(ctx, err)
	return &watchCut{Code: e.Code, Sentence: e.Sentence, Since: at.String(), Details: e.Details}
}

func setRevision(h http.Header, revision uint64) {
	h.Set("X-Mesh-Revision", strconv.FormatUint(revision, 10))
}

// sseTeller writes server-sent events (HTML living standard, 9.2). Changes have
// no event name, so that a client of an older server, which listens for
// messages, gets them and nothing else.
type sseTeller struct{ begun bool }

func (*sseTeller) media() string { return mediaSSE }

func (*sseTeller) event(b []byte, e *graphsync.Event, d graphsync.Detail) []byte {
	return sse(b, "", e.After(), e.JSON(d))
}

func (t *sseTeller) bookmark(b []byte, at graphsync.Position) []byte {
	if !t.begun {
		t.begun = true
		b = append(b, "retry: 1000\n"...)
	} else {
		b = append(b, ": ping\n"...)
	}
	return sse(b, "bookmark", at, marshal(bookmarkOf(at)))
}

func (*sseTeller) cut(b []byte, c *watchCut) []byte {
	p, _ := graphsync.ParsePosition(c.Since)
	return sse(b, "cut", p, marshal(c))
}

func sse(b []byte, name string, at graphsync.Position, data []byte) []byte {
	return appendSSE(b, name, at.String(), data)
}

// bookmark says that everything up to a revision was told.
type bookmark struct {
	Revision uint64 `json:"revision"`
}

func bookmarkOf(at graphsync.Position) bookmark { return bookmark{at.Revision} }

// lineTeller writes one JSON object a line: a change with its id, a bookmark or
// a cut.
type lineTeller struct{}

func (*lineTeller) media() string { return mediaLines }

func (*lineTeller) event(b []byte, e *graphsync.Event, d graphsync.Detail) []byte {
	b = appendID(b, e.After())
	b = append(append(b, ','), e.JSON(d)[1:]...)
	return append(b, '\n')
}

func (*lineTeller) bookmark(b []byte, at graphsync.Position) []byte {
	b = append(append(appendID(b, at), `,"bookmark":`...), marshal(bookmarkOf(at))...)
	return append(b, "}\n"...)
}

func (*lineTeller) cut(b []byte, c *watchCut) []byte {
	b = append(append(b, `{"id":"`+c.Since+`","cut":`...), marshal(c)...)
	return append(b, "}\n"...)
}

// appendID begins an object with the id of a place.
func appendID(b []byte, at graphsync.Position) []byte {
	return append(append(append(b, `{"id":"`...), at.String()...), '"')
}

// marshal is for values of ours, which have no way to fail.
func marshal(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}
