package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// ChangesQuery asks for a page of changes.
type ChangesQuery struct {
	// Namespace; empty: all that the key may read.
	Namespace string
	// Kinds are entity types: node, edge, observation, …; none: all.
	Kinds []string
	// Since is the token to go on from; empty: before everything.
	Since string
	// Limit is after how many events the page ends, with the revision it is in;
	// 0: 1,000.
	Limit int
	// Wait is how long to wait for a first event.
	Wait time.Duration
	// MinRevision has the node wait until it has that revision.
	MinRevision uint64
}

func (q *ChangesQuery) values() url.Values {
	v := url.Values{}
	if q.Namespace != "" {
		v.Set("ns", q.Namespace)
	}
	if len(q.Kinds) > 0 {
		v.Set("kind", strings.Join(q.Kinds, ","))
	}
	if q.Since != "" {
		v.Set("since", q.Since)
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Wait > 0 {
		v.Set("feed", "longpoll")
		v.Set("timeout", q.Wait.String())
	}
	if q.MinRevision > 0 {
		v.Set("min_revision", strconv.FormatUint(q.MinRevision, 10))
	}
	return v
}

// ChangesPage is a page of changes in their order, whole revisions.
type ChangesPage struct {
	Events []*graphsync.Event `json:"events"`
	// Token is where to go on.
	Token string `json:"token"`
	// UpToDate says that there was nothing behind the token.
	UpToDate bool `json:"up_to_date"`
	// Revision is the one up to which nothing is left out.
	Revision uint64 `json:"revision"`
}

// Changes returns what changed after a token. A token that is too old is
// refused as COMPACTED: take a snapshot and go on from its token.
func (c *Client) Changes(ctx context.Context, q ChangesQuery) (ChangesPage, error) {
	var page ChangesPage
	err := c.Do(ctx, Request{Method: http.MethodGet, Path: "/sync/changes", Query: q.values()}, &page)
	return page, err
}

// SnapshotQuery asks for a page of all that a namespace holds as of one
// revision.
type SnapshotQuery struct {
	Namespace string
	Kinds     []string
	// At is the revision, for the first page; 0: the present one.
	At     uint64
	Cursor string
	// Limit is how many things the page has at most; 0: 1,000.
	Limit int
	// MinRevision has the node wait until it has that revision.
	MinRevision uint64
}

// SnapshotPage is a page of a snapshot: nodes, then edges, then observations.
type SnapshotPage struct {
	Items    []graphsync.SnapshotItem
	Revision uint64
	// Cursor is for the next page; empty on the last, which has the Token to
	// go on from.
	Cursor, Token string
}

// snapshotLine is a line of a snapshot: a thing, or the end of the page.
type snapshotLine struct {
	graphsync.SnapshotItem
	Cursor   string `json:"cursor"`
	Token    string `json:"token"`
	Revision uint64 `json:"revision"`
}

// maxLine bounds a line: an observation or a node with its properties.
const maxLine = 4 << 20

// errCut is an answer of lines that ended without its last one.
var errCut = errors.New("the answer broke off")

// Snapshot returns a page.
func (c *Client) Snapshot(ctx context.Context, q SnapshotQuery) (SnapshotPage, error) {
	if q.Limit == 0 {
		q.Limit = graphsync.DefaultChanges
	}
	v := (&ChangesQuery{Namespace: q.Namespace, Kinds: q.Kinds, Limit: q.Limit, MinRevision: q.MinRevision}).values()
	if q.At != 0 {
		v.Set("at", strconv.FormatUint(q.At, 10))
	}
	if q.Cursor != "" {
		v.Set("cursor", q.Cursor)
	}
	var page SnapshotPage
	err := c.ask(ctx, Request{Method: http.MethodGet, Path: "/sync/snapshot", Query: v, Accept: mediaLines}, func(res *http.Response) error {
		page = SnapshotPage{}
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			var l snapshotLine
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				return fmt.Errorf("a line of the snapshot cannot be read: %w", err)
			}
			if l.Cursor != "" || l.Token != "" {
				page.Revision, page.Cursor, page.Token = l.Revision, l.Cursor, l.Token
				return nil
			}
			if l.Node != nil || l.Edge != nil || l.Observation != nil {
				page.Items = append(page.Items, l.SnapshotItem)
			}
		}
		return errors.Join(errCut, lines.Err())
	})
	return page, err
}

// Push sends mutations. It may be sent again with the same seqs: what is known
// is answered as before.
func (c *Client) Push(ctx context.Context, p graphsync.Push) (graphsync.PushAnswer, error) {
	var a graphsync.PushAnswer
	err := c.Do(ctx, Request{Method: http.MethodPost, Path: "/sync/push", Body: p}, &a)
	return a, err
}

// Conflict is a mutation that was pushed and is at odds with what others did.
// SessionID and GraphName together name the namespace.
type Conflict struct {
	graphsync.Conflict
	GraphName string `json:"graph_name"`
}

// Namespace is where the conflict is.
func (c *Conflict) Namespace() string { return graphsync.GraphNamespace(c.SessionID, c.GraphName) }

// ConflictPage is a page of open conflicts.
type ConflictPage struct {
	Conflicts []Conflict
	// Cursor is for the next page, empty on the last.
	Cursor string
}

// Conflicts lists the open conflicts of a namespace, of all where it is empty.
func (c *Client) Conflicts(ctx context.Context, namespace, cursor string, limit int) (ConflictPage, error) {
	q := url.Values{}
	for name, value := range map[string]string{"ns": namespace, "cursor": cursor} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	var page ConflictPage
	err := c.ask(ctx, Request{Method: http.MethodGet, Path: "/sync/conflicts", Query: q, AfterWrites: true}, func(res *http.Response) error {
		page = ConflictPage{Cursor: res.Header.Get("X-Next-Cursor")}
		return json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&page.Conflicts)
	})
	return page, err
}

// Resolve settles a conflict. The namespace may be empty.
func (c *Client) Resolve(ctx context.Context, namespace string, id uint64, how graphsync.Resolution) (graphsync.OpResult, error) {
	body := struct {
		graphsync.Resolution
		SessionID string `json:"session_id,omitempty"`
	}{how, namespace}
	var out graphsync.OpResult
	err := c.Do(ctx, Request{Method: http.MethodPost, Path: "/sync/conflicts/" + strconv.FormatUint(id, 10) + "/resolve", Body: body, Idempotency: randomID()}, &out)
	return out, err
}
