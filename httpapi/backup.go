package httpapi

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/access"
)

// Backups makes backups of the whole state. *node.Node implements it.
type Backups interface {
	Backup(ctx context.Context, o consensus.ReadOptions) (*node.Backup, error)
}

var octets = []string{"application/octet-stream"}

// backupEntries is the part of the route table that needs backups.
func (a *API) backupEntries() []Entry {
	if a.cfg.Backups == nil {
		return nil
	}
	return []Entry{Plain(Route{
		Method: http.MethodGet, Path: "/backup", Summary: "The whole state as one file; not encrypted, linearizable unless asked otherwise",
		Role: access.RoleAdmin, Query: readQuery, Timeout: -1, Produces: octets,
	}, a.backup)}
}

// backup streams a file that the node has made before the first byte leaves, so
// that nothing of the state is held for a slow client. The answer has its
// length, and the file its own end: one cut short is noticed twice.
func (a *API) backup(c *gin.Context) {
	o, err := ReadOptions(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	if c.Query("consistency") == "" && o.MaxAge == 0 {
		// Nobody wants to miss a write that was acknowledged before.
		o.Consistency = consensus.Linearizable
	}
	s := a.openStream(c)
	defer s.end()
	b, err := a.cfg.Backups.Backup(s.ctx, o)
	if err != nil {
		a.Refuse(c, s.cause(err))
		return
	}
	defer b.Close()
	c.Header("X-Mesh-Revision", strconv.FormatUint(b.Revision, 10))
	c.Header("Content-Type", octets[0])
	c.Header("Content-Length", strconv.FormatInt(b.Size, 10))
	c.Status(http.StatusOK)
	if _, err := io.CopyBuffer(struct{ io.Writer }{s}, struct{ io.Reader }{b}, make([]byte, 256<<10)); err != nil {
		panic(http.ErrAbortHandler)
	}
}
