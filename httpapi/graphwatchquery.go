package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// watchParameters names the query parameters of a stream.
var watchParameters = []string{"session_id", "since", "kind", "type", "node_type", "edge_type", "node_id", "key", "key[]", "include", "feed", "timeout"}

// watchQuery reads what a stream is asked for. Its error is a 400 that names
// the parameter; the bounds are graphsync's to check.
func watchQuery(r *http.Request) (q graphsync.WatchQuery, err error) {
	v := r.URL.Query()
	q.WatchFilter = graphsync.WatchFilter{
		Namespace: v.Get("session_id"), Kinds: words(v, "kind"),
		NodeTypes: slices.Concat(words(v, "node_type"), words(v, "type")),
		EdgeTypes: slices.Concat(words(v, "edge_type"), words(v, "type")),
		Keys:      v["key[]"],
	}
	if v.Has("session_id") && q.Namespace == "" {
		return q, invalid("query.session_id", "session_id names a namespace, or is left out for all")
	}
	if v.Has("key") {
		q.Keys = append(q.Keys, v.Get("key"))
	}
	for _, word := range words(v, "node_id") {
		id, err := strconv.ParseUint(word, 10, 64)
		if err != nil || id == 0 {
			return q, invalid("query.node_id", "node_id is one or more ids, with commas between them")
		}
		q.Nodes = append(q.Nodes, id)
	}
	var ok bool
	if q.Detail, ok = watchDetail(v.Get("include")); !ok {
		return q, invalid("query.include", "include is ids, values or before")
	}
	field, since := "query.since", v.Get("since")
	if last := r.Header.Get("Last-Event-Id"); last != "" { // a browser's, which knows better
		field, since = "header.Last-Event-ID", last
	}
	if !watchSince(&q, since) {
		return q, invalid(field, "since is a revision, the id of an event, now, or a time such as 2030-01-02T15:04:05Z")
	}
	return q, nil
}

// words are the parts of a list with commas; nil for an absent one.
func words(v url.Values, name string) []string {
	if v.Get(name) == "" {
		return nil
	}
	return strings.Split(v.Get(name), ",")
}

func watchDetail(include string) (graphsync.Detail, bool) {
	switch include {
	case "", "values":
		return graphsync.DetailValues, true
	case "ids":
		return graphsync.DetailIDs, true
	case "before":
		return graphsync.DetailBefore, true
	}
	return 0, false
}

func watchSince(q *graphsync.WatchQuery, since string) bool {
	if since == "" || since == "now" {
		return true
	}
	if p, ok := graphsync.ParsePosition(since); ok {
		q.After = &p
		return true
	}
	if len(since) > 64 {
		return false
	}
	// A plus sign that was not escaped arrives as a space.
	t, err := time.Parse(time.RFC3339Nano, strings.ReplaceAll(since, " ", "+"))
	q.Since = t
	return err == nil && !t.IsZero()
}
