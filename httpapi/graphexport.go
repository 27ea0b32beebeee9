package httpapi

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// maxExports bounds the exports at once; each holds a page of 512 KiB.
const maxExports = 64

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
	s := a.openStream(c)
	defer s.end()
	// The headers go first, so the revision is asked for before the pages.
	_, info, err := a.cfg.Graph.Stats(s.ctx, o, namespace)
	if err != nil {
		a.Refuse(c, s.cause(refusedRead(s.ctx, info, err)))
		return
	}
	SetReadInfo(c.Writer.Header(), info)
	c.Header("Content-Type", jsonLines[0])
	c.Status(http.StatusOK)
	_, err = a.cfg.Graph.Export(s.ctx, consensus.ReadOptions{MinRevision: info.Revision}, namespace, &exportWriter{s}, nil)
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
