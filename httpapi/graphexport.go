package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/formats"
	"github.com/meshd/meshd/node/access"
)

// maxExports bounds the exports at once; each holds a page of 512 KiB.
const maxExports = 64

// exportBodies are the media types of exports.
func exportBodies() (out []string) {
	for _, name := range formats.Names(true) {
		if media := formats.Format(name).MediaType(); !slices.Contains(out, media) {
			out = append(out, media)
		}
	}
	return out
}

func (a *API) exportEntry() Entry {
	return Plain(Route{Method: http.MethodGet, Path: "/graph/export", Summary: "A namespace as a file that import reads", Role: access.RoleViewer,
		Query: append([]string{"session_id", "format", "as_of", "valid_at"}, readQuery...), Timeout: -1, Produces: exportBodies()}, a.atMost(maxExports, a.exportGraph))
}

// exportFormat is what a client asks for, by name or by what it accepts.
func exportFormat(c *gin.Context) (formats.Format, error) {
	name := c.Query("format")
	if name == "" {
		f, _ := formats.OfType(c.GetHeader("Accept"))
		return f, nil
	}
	f, err := formats.Parse(name)
	if err != nil || !slices.Contains(formats.Names(true), string(f)) {
		return "", invalid("query.format", "format must be one of "+strings.Join(formats.Names(true), ", "))
	}
	return f, nil
}

// exportGraph streams a namespace in the form that import reads, all of one
// revision, which X-Mesh-Revision names unless as_of asked for an older one.
func (a *API) exportGraph(c *gin.Context) {
	o, err := ReadOptions(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	q := graphsync.ExportQuery{Namespace: c.Query("session_id")}
	if err := graphsync.CheckNamespace(q.Namespace); err != nil {
		a.Refuse(c, named(c.Request.Context(), err, "query"))
		return
	}
	if q.When, err = (WhenInput{AsOf: c.Query("as_of"), ValidAt: c.Query("valid_at")}).When(); err != nil {
		a.Refuse(c, err)
		return
	}
	format, err := exportFormat(c)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	s := a.openStream(c)
	defer s.end()
	w := &exportWriter{s: s}
	to, err := formats.NewWriter(w, format)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	q.Begun = func(info consensus.ReadInfo) {
		SetReadInfo(c.Writer.Header(), info)
		c.Header("Content-Type", format.MediaType())
		c.Status(http.StatusOK)
	}
	_, err = a.cfg.Graph.Export(s.ctx, o, q, to)
	if err == nil {
		err = to.Close()
	}
	switch {
	case err == nil:
	case !c.Writer.Written():
		a.Refuse(c, s.cause(refusedRead(s.ctx, consensus.ReadInfo{}, err)))
	case w.failed:
		panic(http.ErrAbortHandler)
	default:
		a.breakOff(s, err)
	}
}

// breakOff ends an answer that began well. An end that looks like one would
// pass half a graph for the whole, so the connection is cut; the last line says
// why to whom it reaches.
func (a *API) breakOff(s *stream, err error) {
	if err = s.cause(err); errors.Is(err, context.Canceled) { // by the client
		panic(http.ErrAbortHandler)
	}
	e := *a.asError(s.ctx, err)
	e.RequestID = RequestID(s.ctx)
	if line, err := json.Marshal(map[string]Error{"error": e}); err == nil {
		_ = s.control.SetWriteDeadline(time.Now().Add(closingGrace))
		_, _ = s.w.Write(append(append([]byte{'\n'}, line...), '\n'))
		s.w.Flush()
	}
	panic(http.ErrAbortHandler)
}

// exportWriter ends an export between pages.
type exportWriter struct {
	s      *stream
	failed bool // nobody reads it
}

func (w *exportWriter) Write(p []byte) (int, error) {
	if err := w.s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := w.s.Write(p)
	w.failed = err != nil
	return n, err
}
