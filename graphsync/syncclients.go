package graphsync

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// levelClients is the command level from which on clients are remembered by name,
// and can be made forgotten.
const levelClients = 5

// CodeUnknownClient says that the mesh remembers no client with an id (404).
const CodeUnknownClient = "SYNC_CLIENT_UNKNOWN"

// SyncClient is what the mesh remembers of a client that pushes: what its
// mutations came to and which revisions are its own, so that what it pushes again
// is done once.
type SyncClient struct {
	// ID is the mesh's name for it.
	ID string `json:"id"`
	// ClientID is the client's own name in SessionID, the namespace; both are
	// empty of a client that has not pushed since the mesh came to keep them.
	ClientID  string `json:"client_id,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	// Author is the principal that pushes.
	Author string `json:"author,omitempty"`
	// LastSeq is the last mutation that is known, LastPush the hour of its push.
	LastSeq  uint64    `json:"last_seq"`
	LastPush time.Time `json:"last_push"`
	// Revisions is how many are remembered as its own.
	Revisions uint64 `json:"revisions"`
}

// SyncClientsQuery asks for a page of clients, those first that have not pushed
// for longest. Limit 0 is DefaultLimit.
type SyncClientsQuery struct {
	Limit  int
	Cursor string
}

// SyncClientsPage is a page of clients. Cursor is empty on the last; Remembered
// counts all there are.
type SyncClientsPage struct {
	Clients    []SyncClient `json:"clients"`
	Remembered uint64       `json:"remembered"`
	Cursor     string       `json:"cursor,omitempty"`
}

const cursorClients byte = 71

// Clients lists the clients that the mesh remembers.
func (y Sync) Clients(ctx context.Context, ro consensus.ReadOptions, q SyncClientsQuery) (SyncClientsPage, consensus.ReadInfo, error) {
	page := SyncClientsPage{Clients: []SyncClient{}}
	limit, r := checkLimit(q.Limit)
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		pad := []byte{0, 0, 0} // clients are of no namespace
		last, r := decodeCursor(cursorClients, 0, pad, q.Cursor)
		if r != nil {
			return r
		}
		var from []byte
		if last != nil {
			from = next(last[len(pad):])
		}
		page.Remembered = v.count(0, countClients, 0)
		p := newPager(limit, Answer{}, sieve{})
		for k := range v.r.Scan(tClientAge, from, nil) {
			if len(k) != 8+len(clientKey{}) {
				return errRecord
			}
			if !p.look(k) {
				break
			}
			c, err := v.syncClient(clientKey(k[8:]))
			if err != nil {
				return err
			}
			if !p.take(len(c.ClientID) + len(c.SessionID) + len(c.Author) + 128) {
				break
			}
			page.Clients = append(page.Clients, c)
		}
		if p.last != nil {
			p.last = append(slices.Clone(pad), p.last...)
		}
		page.Cursor, _ = p.end(cursorClients)
		return nil
	})
	return page, info, err
}

func (v *view) syncClient(k clientKey) (SyncClient, error) {
	rec, err := decodeClient(v.r.Get(tClient, k[:]))
	if err != nil {
		return SyncClient{}, err
	}
	author, err := v.text(symAuthor, rec.By)
	return SyncClient{
		ID: hex.EncodeToString(k[:]), ClientID: rec.Name, SessionID: rec.Namespace, Author: author,
		LastSeq: rec.Last, LastPush: time.UnixMilli(rec.At).UTC(), Revisions: rec.Own,
	}, err
}

// ForgetClient makes the mesh forget a client by its ID. If the client comes back
// all the same, its next push is refused as one of an unknown client, and it
// begins anew under another name.
func (y Sync) ForgetClient(ctx context.Context, wo WriteOptions, id string) (consensus.Outcome, error) {
	key, err := hex.DecodeString(id)
	if err != nil || len(key) != len(clientKey{}) {
		return consensus.Outcome{}, unknownClient(id)
	}
	_, out, err := y.s.propose(ctx, wo, command{Ops: []op{{Kind: opForgetClient, Data: key}}})
	return out, err
}

func unknownClient(id string) *consensus.Refusal {
	return refuse(CodeUnknownClient, "id", "the mesh remembers no client %q that pushes", id)
}

func (t *tx) forgetSyncClient(o *op) (opResult, *consensus.Refusal, error) {
	if len(o.Data) != len(clientKey{}) {
		return opResult{}, invalid("id", "is not of a client"), nil
	}
	k := clientKey(o.Data)
	rec, ok, err := t.client(k)
	if err != nil || !ok {
		return opResult{}, unknownClient(hex.EncodeToString(k[:])), err
	}
	t.forgetClient(k, appendClientAge(nil, rec.At, k))
	return opResult{Status: deleted}, nil, nil
}
