package httpapi

import (
	"net/http"
	"slices"
	"strings"

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
		Query: append([]string{"session_id", "format"}, readQuery...), Timeout: -1, Produces: exportBodies()}, a.atMost(maxExports, a.exportGraph))
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

// exportGraph streams a namespace in the form that import reads. Its
// X-Mesh-Revision is one that every page reflects at least; pages read later
// may hold what was written since.
func (a *API) exportGraph(c *gin.Context) {
	o, err := ReadOptions(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	namespace := c.Query("session_id")
	if err := graphsync.CheckNamespace(namespace); err != nil {
		a.Refuse(c, named(c.Request.Context(), err, "query"))
		return
	}
	format, err := exportFormat(c)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	s := a.openStream(c)
	defer s.end()
	// The headers go first, so the revision is asked for before the pages.
	_, info, err := a.cfg.Graph.Stats(s.ctx, o, namespace)
	if err != nil {
		a.Refuse(c, s.cause(refusedRead(s.ctx, info, err)))
		return
	}
	SetReadInfo(c.Writer.Header(), info)
	to, err := formats.NewWriter(&exportWriter{s}, format)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	c.Header("Content-Type", format.MediaType())
	c.Status(http.StatusOK)
	_, err = a.cfg.Graph.Export(s.ctx, consensus.ReadOptions{MinRevision: info.Revision}, namespace, to, nil)
	if err == nil {
		err = to.Close()
	}
	switch {
	case err == nil:
	case !c.Writer.Written():
		a.Refuse(c, s.cause(err))
	default:
		// An end that looks like one would pass half a graph for the whole.
		panic(http.ErrAbortHandler)
	}
}

// exportWriter ends an export between pages.
type exportWriter struct{ s *stream }

func (w *exportWriter) Write(p []byte) (int, error) {
	if err := w.s.ctx.Err(); err != nil {
		return 0, err
	}
	return w.s.Write(p)
}
