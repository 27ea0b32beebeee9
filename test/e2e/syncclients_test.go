package e2e_test

import (
	"net/http"
	"testing"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/test/realmesh"
)

// A tablet that was lost is forgotten by an administrator, at any node; found
// again, it is told that it is a stranger.
func TestALostTabletIsForgotten(t *testing.T) {
	t.Parallel()
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Join(a)
	_, key := a.APIKey("user")
	tablet := a.Client(key)
	push := func(seq int) map[string]any {
		return map[string]any{"session_id": "field", "client_id": "tablet", "mutations": []any{map[string]any{"seq": seq, "op": "upsert_node", "type": "note", "label": "n", "key": "n"}}}
	}
	tablet.Want(http.StatusOK, nil, http.MethodPost, "/sync/push", push(1))

	var page graphsync.SyncClientsPage
	b.JSON(&page, "sync", "clients")
	if len(page.Clients) != 1 || page.Remembered != 1 || page.Clients[0].ClientID != "tablet" || page.Clients[0].SessionID != "field" || page.Clients[0].LastSeq != 1 {
		t.Fatalf("%+v", page)
	}
	id := page.Clients[0].ID
	says(t, b.Must("sync", "clients"), id, "tablet", "field")
	tablet.Want(http.StatusForbidden, nil, http.MethodDelete, "/sync/clients/"+id, nil)
	tablet.Want(http.StatusForbidden, nil, http.MethodGet, "/sync/clients", nil)
	says(t, b.Must("sync", "clients", "forget", id), "forgotten")
	wantExit(t, a.Run("sync", "clients", "forget", id), refused, "remembers no client")
	if out := a.Must("sync", "clients"); out == "" {
		t.Error("that there is none is not said")
	}

	refusal := tablet.Want(http.StatusConflict, nil, http.MethodPost, "/sync/push", push(2))
	if refusal.Code() != graphsync.CodeSeqGap {
		t.Error(refusal)
	}
	says(t, string(refusal.Body), "unknown_client")
	a.Must("graph", "get", "n", "-n", "field")
}
