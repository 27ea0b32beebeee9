package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

var snapshotParameters = []string{"ns", "session_id", "types", "kind", "type", "node_type", "edge_type", "at", "cursor", "limit"}

// snapshotQuery reads what a snapshot is asked for; whole says that it is to be
// all of it, and not one page.
func snapshotQuery(r *http.Request) (q graphsync.SnapshotQuery, whole bool, err error) {
	v := r.URL.Query()
	if q.WatchFilter, err = syncFilter(v); err != nil {
		return q, false, err
	}
	if q.Namespace == "" {
		return q, false, invalid("query.ns", "ns names the namespace of the snapshot")
	}
	if text := v.Get("at"); text != "" {
		if q.At, err = strconv.ParseUint(text, 10, 64); err != nil || q.At == 0 {
			return q, false, invalid("query.at", "at is a revision")
		}
	}
	if q.Cursor = v.Get("cursor"); len(q.Cursor) > 4096 {
		return q, false, invalid("query.cursor", "cursor is not from a snapshot")
	}
	if text := v.Get("limit"); text != "" {
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 || q.Limit > graphsync.MaxChangesLimit {
			return q, false, invalid("query.limit", "limit is 1 to "+strconv.Itoa(graphsync.MaxChangesLimit))
		}
	}
	return q, q.Limit == 0, nil
}

// snapshotEnd is the last line of a page: where the next one begins or, on the
// last, the token of what follows the snapshot.
type snapshotEnd struct {
	Cursor   string `json:"cursor,omitempty"`
	Token    string `json:"token,omitempty"`
	Revision uint64 `json:"revision"`
}

// syncSnapshot answers all that a namespace holds as of one revision, as JSON
// lines: things, and the end of each page. With a limit it is one page. An
// answer that broke off goes on at the last cursor.
func (a *API) syncSnapshot(c *gin.Context) {
	q, whole, err := snapshotQuery(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	ro, err := ReadOptions(c.Request)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	s := a.openStream(c)
	defer s.end()
	caller, _ := Principal(s.ctx)
	wo := graphsync.WriteOptions{Author: caller.ID}
	permit := a.permit(c)
	lines := c.Request.Header.Get("Accept") == mediaLines
	for begun := false; ; begun = true {
		if begun {
			err = permit()
		}
		var page graphsync.SnapshotPage
		var info consensus.ReadInfo
		if err == nil {
			page, info, err = a.cfg.Sync.Snapshot(s.ctx, ro, wo, q)
		}
		switch {
		case err != nil && begun:
			a.breakOff(s, err)
		case err != nil:
			a.Refuse(c, s.cause(syncError(s.ctx, refusedRead(s.ctx, info, err), "query")))
			return
		case !begun:
			h := c.Writer.Header()
			info.Revision = page.Revision
			SetReadInfo(h, info)
			h.Set("Cache-Control", "no-store")
			h.Set("Content-Type", mediaLines)
			if !lines {
				h.Set("Content-Type", mediaJSON)
			}
			c.Status(http.StatusOK)
		}
		body, err := snapshotBody(&page, lines)
		if err != nil {
			a.breakOff(s, err)
		}
		if _, err := s.Write(body); err != nil || page.Cursor == "" || !whole || !lines {
			return
		}
		q.Cursor, q.At, ro = page.Cursor, 0, consensus.ReadOptions{}
	}
}

func snapshotBody(p *graphsync.SnapshotPage, lines bool) (b []byte, err error) {
	end := snapshotEnd{p.Cursor, p.Token, p.Revision}
	if !lines {
		b, err = json.Marshal(struct {
			Items []graphsync.SnapshotItem `json:"items"`
			snapshotEnd
		}{p.Items, end})
		return append(b, '\n'), err
	}
	for i := range p.Items {
		line, err := json.Marshal(&p.Items[i])
		if err != nil {
			return nil, err
		}
		b = append(append(b, line...), '\n')
	}
	return append(append(b, marshal(end)...), '\n'), nil
}
