package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
)

// Founded is what a new mesh tells its founder. APIKey and Token are secret.
type Founded struct {
	MeshID string
	APIKey string
	Token  roster.JoinToken
}

// The first join token is for setting up a handful of machines at once.
const (
	firstTokenUses = 10
	firstTokenTTL  = time.Hour
)

// Found makes a new mesh with this machine as its first node. The directory
// must not belong to a mesh; a founding that was cut short is begun again.
func Found(ctx context.Context, cfg Config, meshName string) (_ *Node, _ Founded, err error) {
	n, err := prepare(cfg)
	if err != nil {
		return nil, Founded{}, err
	}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	if id := n.trust.MeshID(); id != "" {
		return nil, Founded{}, consensus.Refuse("MESH_EXISTS", fmt.Sprintf("%s already belongs to mesh %s: start it with `meshd serve`, or clear it with `meshd reset`", cfg.Data, short(id)))
	}
	// A founding that broke off before the trust file was written left a log
	// that never had a leader. Anything more is somebody's data.
	if err := refuseReplica(n.raftPath(), cfg.Data); err != nil {
		return nil, Founded{}, err
	}
	if err := os.RemoveAll(n.raftPath()); err != nil {
		return nil, Founded{}, err
	}
	if err := consensus.Bootstrap(n.raftPath()); err != nil {
		return nil, Founded{}, err
	}
	if n.raftID, _, err = consensus.EnsureID(n.raftPath()); err != nil {
		return nil, Founded{}, err
	}
	meshID := roster.NewMeshID()
	if err := n.trust.Accept(&roster.Roster{MeshID: meshID, MeshName: meshName, Members: []roster.Member{n.self()}}); err != nil {
		return nil, Founded{}, err
	}
	if err := n.enter(ctx); err != nil {
		return nil, Founded{}, err
	}
	if err := n.completeFounding(ctx); err != nil {
		return nil, Founded{}, err
	}
	_, key, err := n.keys.Create(ctx, "admin", access.RoleAdmin, nil)
	if err != nil {
		return nil, Founded{}, fmt.Errorf("making the first API key: %w", err)
	}
	_, token, err := n.CreateToken(ctx, roster.NewToken{TTL: firstTokenTTL, Uses: firstTokenUses, Name: "init"})
	if err != nil {
		return nil, Founded{}, fmt.Errorf("making the first join token: %w", err)
	}
	return n, Founded{MeshID: meshID, APIKey: key, Token: token}, nil
}

// refuseReplica says no where a raft directory holds more than the entry that
// bootstraps one.
func refuseReplica(raft, data string) error {
	if entries, err := os.ReadDir(raft); errors.Is(err, os.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	info, err := consensus.Inspect(raft)
	young := errors.Is(err, consensus.ErrNothingWhole) && info.Damaged == ""
	if young || err == nil && info.LastIndex <= 1 && info.Revision == 0 {
		return nil
	}
	return consensus.Refuse("MESH_EXISTS", fmt.Sprintf("%s holds a replica of a mesh but no trust file: put the file `trust` back from a backup, or clear the directory with `meshd reset`; nothing was changed", data))
}

// completeFounding makes the state say what the trust file of a founder says.
// A founder that was killed in between catches up here at its next start.
func (n *Node) completeFounding(ctx context.Context) error {
	r := n.trust.Roster()
	if r.Revision > 0 || len(r.Members) != 1 || r.Members[0].ID != n.id.ID() {
		return nil
	}
	if _, err := n.rosters.Found(ctx, roster.Founding{MeshID: r.MeshID, MeshName: r.MeshName, Member: r.Members[0]}); err != nil {
		return fmt.Errorf("founding the mesh: %w", err)
	}
	return nil
}

func (n *Node) raftPath() string { return filepath.Join(n.cfg.Data, raftDir) }

// CreateToken makes a join token at this node, for a ttl and a number of uses.
// The secret it returns is nowhere else: the mesh keeps the public half.
func (n *Node) CreateToken(ctx context.Context, t roster.NewToken) (roster.Token, roster.JoinToken, error) {
	t.CreatedBy = n.id.ID()
	t.Pins, t.Addresses = n.seeds()
	return n.rosters.CreateToken(ctx, t)
}

// seeds are this node and up to two others that are alive: whom a joiner will
// look for.
func (n *Node) seeds() (pins []identity.Pin, addresses []string) {
	pins, addresses = append(pins, n.id.Pin()), append(addresses, n.addresses()[0])
	for _, m := range n.trust.Roster().Members {
		if m.ID != n.id.ID() && len(pins) < roster.MaxTokenPins && len(m.Addresses) > 0 && n.alive(string(m.ID)) {
			pins, addresses = append(pins, m.Pins[0]), append(addresses, m.Addresses[0])
		}
	}
	return pins, addresses
}
