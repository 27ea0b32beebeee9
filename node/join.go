package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
)

// JoinOptions says how a node joins.
type JoinOptions struct {
	Token  string
	NoVote bool
	Role   roster.Role
	// Timeout bounds how long it goes on while no seed answers.
	Timeout time.Duration
	// Admitted, if given, is called once the directory belongs to the mesh, which
	// it does from then on whatever becomes of the proofs after it.
	Admitted func(*Node)
	// Progress is told each proof as it happens; it may be nil. It is called
	// on one goroutine.
	Progress func(step, text string)
}

// Join makes this machine a node of the token's mesh and returns when it truly
// is one: the pin matched before anything was sent, the mesh admitted it,
// another node has seen it alive, and it has caught up to its own admission.
// In a directory that already belongs to that mesh it is Open. It never makes
// a mesh. Refusals are *consensus.Refusal.
func Join(ctx context.Context, cfg Config, o JoinOptions) (_ *Node, err error) {
	if o.Progress == nil {
		o.Progress = func(string, string) {}
	}
	if o.Admitted == nil {
		o.Admitted = func(*Node) {}
	}
	if o.Role == "" {
		o.Role = roster.RoleMember
	}
	token, err := roster.ParseJoinToken(o.Token)
	if err != nil {
		return nil, consensus.Refuse("TOKEN_INVALID", err.Error())
	}
	n, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	mesh := n.trust.MeshID()
	if mesh != "" && mesh != token.MeshID {
		return nil, consensus.Refuse("OTHER_MESH", fmt.Sprintf("%s already belongs to mesh %s, and the token is for mesh %s: use another --data, or clear this one with `meshd reset`", cfg.Data, short(mesh), short(token.MeshID)))
	}
	if _, member := n.trust.Roster().ByID(n.id.ID()); member && n.knowsSomebody(ctx) {
		o.Progress(StepJoined, fmt.Sprintf("%s already belongs to this mesh: serving", cfg.Data))
		o.Admitted(n)
		return n, n.enter(ctx)
	}
	if n.raftID, _, err = consensus.EnsureID(n.raftPath()); err != nil {
		return nil, err
	}
	answer, err := n.askAdmission(ctx, token, o)
	if err != nil {
		return nil, err
	}
	r, err := roster.DecodeRoster(answer.Roster)
	if err != nil {
		return nil, fmt.Errorf("the answer of the mesh cannot be read: %w", err)
	}
	if r.MeshID != token.MeshID {
		return nil, consensus.Refuse("OTHER_MESH", "the node that answered belongs to another mesh than the token")
	}
	if err := n.trust.Accept(r); err != nil {
		return nil, err
	}
	o.Admitted(n)
	if err := n.enter(ctx); err != nil {
		return nil, err
	}
	return n, n.proveJoined(ctx, answer.Revision, o)
}

// knowsSomebody says whether any member this node trusts answers it, or there
// is nobody else.
func (n *Node) knowsSomebody(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	others := slices.DeleteFunc(slices.Clone(n.trust.Roster().Members), func(m roster.Member) bool { return m.ID == n.id.ID() })
	if len(others) == 0 {
		return true
	}
	answered := make(chan bool, len(others))
	for _, m := range others {
		n.tasks.Go(func() { answered <- n.fetchRoster(ctx, m.ID) == nil })
	}
	for range others {
		if <-answered {
			return true
		}
	}
	return false
}

// askAdmission goes round the token's addresses until one admits, one refuses,
// or the time is up.
func (n *Node) askAdmission(ctx context.Context, token roster.JoinToken, o JoinOptions) (joinProgress, error) {
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	for wait := 500 * time.Millisecond; ; wait = min(2*wait, 10*time.Second) {
		var failures []string
		mismatch := false
		for _, address := range token.Addresses {
			answer, err := n.askAdmissionAt(ctx, address, token, o)
			switch {
			case err == nil:
				return answer, nil
			case isRefusal(err) && !isRefusal(err, passing...):
				return joinProgress{}, err
			case errors.Is(err, wire.ErrPinMismatch):
				mismatch = true
			}
			failures = append(failures, fmt.Sprintf("%s: %s", address, plain(err)))
		}
		if mismatch {
			return joinProgress{}, consensus.Refuse("PIN_MISMATCH", "the machine that answered is not of the token's mesh (its key does not match the token's pin); nothing was sent to it: "+strings.Join(failures, "; "))
		}
		o.Progress(StepRetry, fmt.Sprintf("no node of the mesh answers yet (%s); trying again in %s", strings.Join(failures, "; "), wait))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return joinProgress{}, ctx.Err()
			}
			return joinProgress{}, fmt.Errorf("%w: %s; is the first node up, and does its firewall let this machine in?", ErrUnreachable, strings.Join(failures, "; "))
		}
	}
}

// passing are the refusals of an admission that may be over in a moment.
var passing = []string{"NO_LEADER", "OVERLOADED", "OUTCOME_UNKNOWN", wire.CodeInternal, wire.CodeTimeout}

// ErrUnreachable says that no node of the mesh answered in time.
var ErrUnreachable = errors.New("no node of the mesh answered")

// askAdmissionAt asks one node. The pin is checked before anything is sent.
func (n *Node) askAdmissionAt(ctx context.Context, address string, token roster.JoinToken, o JoinOptions) (joinProgress, error) {
	dialing, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := wire.DialJoin(dialing, n.id, address, token.Pins)
	if err != nil {
		return joinProgress{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	o.Progress(StepPin, fmt.Sprintf("the key of %s matches the token", address))
	me := n.self()
	request := joinRequest{
		TokenID: token.ID, MeshID: token.MeshID, NodeID: string(me.ID), RaftID: n.raftID, Name: me.Name, Addresses: me.Addresses,
		Recipient: me.Recipient, Version: me.Version, Level: me.Level, Role: string(o.Role), NoVote: o.NoVote,
		Signature:  token.Sign(c.Exporter(), me.ID, me.Pins[0], n.raftID),
		ListenPort: n.listener.Addr().(*net.TCPAddr).Port,
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if err := c.WriteMessage(&request); err != nil {
		return joinProgress{}, err
	}
	var whole []byte
	for {
		var p joinProgress
		if err := c.ReadMessage(&p); err != nil {
			return joinProgress{}, fmt.Errorf("the admission broke off: %w", err)
		}
		if p.Code != "" {
			return joinProgress{}, &consensus.Refusal{Code: p.Code, Sentence: p.Text}
		}
		if whole = append(whole, p.Roster...); len(whole) > maxRoster {
			return joinProgress{}, errors.New("the mesh sent a roster of over 64 MiB")
		}
		if p.More {
			continue
		}
		o.Progress(p.Step, p.Text)
		if p.Roster != nil {
			p.Roster = whole
			return p, nil
		}
	}
}

// MeshID names the mesh: two that could ever meet have different ones.
func (n *Node) MeshID() string { return n.trust.MeshID() }

// MeshName is what people call the mesh.
func (n *Node) MeshName() string {
	r := n.trust.Roster()
	if r.MeshName != "" {
		return r.MeshName
	}
	return short(r.MeshID)
}

func short(meshID string) string { return meshID[:min(8, len(meshID))] }

// plain is what a person needs of a dial error.
func plain(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return err.Error()
}
