package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/roster"
)

// Mesh is what the routes about nodes and join tokens ask. *node.Node
// implements it.
type Mesh interface {
	Status() node.Status
	// Position is how far this node's state is, and how long ago it heard so.
	Position() consensus.ReadInfo
	Members(ctx context.Context) []node.Member
	Doctor(ctx context.Context) []node.Check
	Ping(ctx context.Context, ref string, count int) (node.Ping, error)
	Leave(ctx context.Context) error
	HandOver(ctx context.Context) error
	MoveSeat(ctx context.Context, to, from string) (node.MovedSeat, error)
	Remove(ctx context.Context, ref string) (roster.Tombstone, error)
	CreateToken(ctx context.Context, t roster.NewToken) (roster.Token, roster.JoinToken, error)
	Tokens(ctx context.Context) (tokens []roster.Token, now time.Time, err error)
	RevokeToken(ctx context.Context, id string) (roster.Token, error)
}

// position are the headers of an answer about the mesh itself: taken before a
// read, it is a revision that the answer has at least, and taken after a write,
// one that includes it.
func (a *API) position() ReadOutput { return Read(a.cfg.Mesh.Position()) }

type statusOf struct {
	ReadOutput
	Body node.Status
}

func (a *API) meshStatus(context.Context, *none) (*statusOf, error) {
	return &statusOf{a.position(), a.cfg.Mesh.Status()}, nil
}

type membersOutput struct {
	ReadOutput
	Body []node.Member `nullable:"false"`
}

func (a *API) members(ctx context.Context, _ *none) (*membersOutput, error) {
	return &membersOutput{a.position(), a.cfg.Mesh.Members(ctx)}, nil
}

type doctorOutput struct {
	Body struct {
		Checks []node.Check `json:"checks" nullable:"false"`
	}
}

func (a *API) doctor(ctx context.Context, _ *none) (*doctorOutput, error) {
	out := &doctorOutput{}
	out.Body.Checks = a.cfg.Mesh.Doctor(ctx)
	return out, nil
}

type pingInput struct {
	Body struct {
		Node  string `json:"node" maxLength:"128" doc:"name, id or beginning of the id"`
		Count int    `json:"count,omitempty" minimum:"1" maximum:"100" default:"1"`
	}
}

type pingOutput struct{ Body node.Ping }

func (a *API) ping(ctx context.Context, in *pingInput) (*pingOutput, error) {
	p, err := a.cfg.Mesh.Ping(ctx, in.Body.Node, max(1, in.Body.Count))
	if err != nil {
		return nil, err
	}
	return &pingOutput{p}, nil
}

type leftOutput struct {
	Body struct {
		Left bool `json:"left"`
	}
}

func (a *API) leave(ctx context.Context, _ *none) (*leftOutput, error) {
	if err := a.cfg.Mesh.Leave(ctx); err != nil {
		return nil, err
	}
	out := &leftOutput{}
	out.Body.Left = true
	return out, nil
}

type handedOver struct {
	Body struct {
		Leader string `json:"leader" doc:"the name of the node that leads now, empty if it is just changing"`
	}
}

func (a *API) handOver(ctx context.Context, _ *none) (*handedOver, error) {
	if err := a.cfg.Mesh.HandOver(ctx); err != nil {
		return nil, err
	}
	out := &handedOver{}
	if l := a.cfg.Mesh.Status().Leader; l != nil {
		out.Body.Leader = l.Name
	}
	return out, nil
}

type moveSeatInput struct {
	Body struct {
		Node string `json:"node" minLength:"1" maxLength:"128" doc:"who gets the seat: name, id or beginning of the id"`
		From string `json:"from,omitempty" maxLength:"128" doc:"who gives it up; without it a voter that is not alive, else one that does not lead"`
	}
}

type movedSeatOutput struct {
	ReadOutput
	Body node.MovedSeat
}

func (a *API) moveSeat(ctx context.Context, in *moveSeatInput) (*movedSeatOutput, error) {
	moved, err := a.cfg.Mesh.MoveSeat(ctx, in.Body.Node, in.Body.From)
	if err != nil {
		return nil, err
	}
	return &movedSeatOutput{a.position(), moved}, nil
}

type memberRef struct {
	ID string `path:"id" maxLength:"128" doc:"name, id or beginning of the id"`
}

type removedOutput struct {
	ReadOutput
	Body struct {
		ID        string    `json:"id"`
		Name      string    `json:"name"`
		RemovedAt time.Time `json:"removed_at"`
	}
}

func (a *API) removeMember(ctx context.Context, in *memberRef) (*removedOutput, error) {
	t, err := a.cfg.Mesh.Remove(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &removedOutput{ReadOutput: a.position()}
	out.Body.ID, out.Body.Name, out.Body.RemovedAt = string(t.ID), t.Name, time.UnixMilli(t.RemovedAt).UTC()
	return out, nil
}
