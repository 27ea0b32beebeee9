package httpapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/meshd/meshd/gossip"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/numbered"
)

// Registry is what the routes of external instances ask. *node.Node
// implements it.
type Registry interface {
	Nodes(ctx context.Context) []node.RegistryNode
	Agents() []node.Agent
	LeaderID() string
	Instances() []gossip.Instance
	Register(i gossip.Instance) (gossip.Instance, error)
	Heartbeat(id string) (gossip.Instance, error)
	Deregister(id string) error
}

// InstanceBody is a program outside the mesh that registered itself, under the
// field names its clients know.
type InstanceBody struct {
	InstanceID    string    `json:"instance_id"`
	Hostname      string    `json:"hostname"`
	Port          int       `json:"port"`
	Capabilities  []string  `json:"capabilities" nullable:"false"`
	AgentProfiles []string  `json:"agent_profiles" nullable:"false"`
	IsLeader      bool      `json:"is_leader" doc:"always false: an instance is never a member"`
	LastHeartbeat time.Time `json:"last_heartbeat"`
	CreatedAt     time.Time `json:"created_at"`
	Node          string    `json:"node,omitempty" doc:"the id of the node that holds its lease"`
}

func instanceBody(i gossip.Instance) InstanceBody {
	return InstanceBody{
		InstanceID: i.ID, Hostname: i.Hostname, Port: i.Port, Capabilities: orEmpty(i.Capabilities), AgentProfiles: orEmpty(i.AgentProfiles),
		LastHeartbeat: time.UnixMilli(i.LastHeartbeat).UTC(), CreatedAt: time.UnixMilli(i.CreatedAt).UTC(), Node: i.Node,
	}
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func (a *API) instances() []InstanceBody {
	out := []InstanceBody{}
	for _, i := range a.cfg.Registry.Instances() {
		out = append(out, instanceBody(i))
	}
	return out
}

type registerInput struct {
	Body struct {
		InstanceID    string   `json:"instance_id" minLength:"1" maxLength:"255"`
		Hostname      string   `json:"hostname" maxLength:"255"`
		Port          int      `json:"port" minimum:"0" maximum:"65535"`
		Capabilities  []string `json:"capabilities,omitempty" maxItems:"64"`
		AgentProfiles []string `json:"agent_profiles,omitempty" maxItems:"64"`
	}
}

type registerOutput struct {
	Body struct {
		Success    bool           `json:"success"`
		InstanceID string         `json:"instance_id"`
		IsLeader   bool           `json:"is_leader"`
		LeaderID   string         `json:"leader_id,omitempty"`
		Peers      []InstanceBody `json:"peers" nullable:"false"`
	}
}

// register lists an external instance on a lease of 15 s.
func (a *API) register(_ context.Context, in *registerInput) (*registerOutput, error) {
	for _, said := range []struct {
		field string
		texts []string
	}{
		{"instance_id", []string{in.Body.InstanceID}}, {"hostname", []string{in.Body.Hostname}},
		{"capabilities", in.Body.Capabilities}, {"agent_profiles", in.Body.AgentProfiles},
	} {
		if slices.ContainsFunc(said.texts, func(s string) bool { return !numbered.Printable(s, 255) }) {
			return nil, invalid("body."+said.field, said.field+" is at most 255 bytes of printable text")
		}
	}
	i, err := a.cfg.Registry.Register(gossip.Instance{
		ID: in.Body.InstanceID, Hostname: in.Body.Hostname, Port: in.Body.Port,
		Capabilities: in.Body.Capabilities, AgentProfiles: in.Body.AgentProfiles,
	})
	if err != nil {
		return nil, registryError(err)
	}
	out := &registerOutput{}
	out.Body.Success, out.Body.InstanceID, out.Body.LeaderID = true, i.ID, a.cfg.Registry.LeaderID()
	out.Body.Peers = []InstanceBody{}
	for _, p := range a.instances() {
		if p.InstanceID != i.ID {
			out.Body.Peers = append(out.Body.Peers, p)
		}
	}
	return out, nil
}

func registryError(err error) error {
	switch {
	case errors.Is(err, gossip.ErrUnknownInstance):
		return Fail(CodeNotFound, "no such instance is registered; register it again")
	case errors.Is(err, gossip.ErrTooManyInstances):
		return Fail("TOO_MANY", "%s", err.Error())
	case errors.Is(err, gossip.ErrBadInstance):
		return invalid("body", err.Error())
	}
	return err
}

// InstanceRef names an instance in the path.
type InstanceRef struct {
	InstanceID string `path:"instance_id" maxLength:"255"`
}

type heartbeatInput struct {
	InstanceRef
	Body struct {
		Status  string         `json:"status,omitempty" maxLength:"64"`
		Metrics map[string]any `json:"metrics,omitempty"`
	}
}

type heartbeatOutput struct {
	Body struct {
		Acknowledged bool   `json:"acknowledged"`
		LeaderID     string `json:"leader_id,omitempty"`
		ShouldSync   bool   `json:"should_sync"`
	}
}

func (a *API) heartbeat(_ context.Context, in *heartbeatInput) (*heartbeatOutput, error) {
	if _, err := a.cfg.Registry.Heartbeat(in.InstanceID); err != nil {
		return nil, registryError(err)
	}
	out := &heartbeatOutput{}
	out.Body.Acknowledged, out.Body.LeaderID = true, a.cfg.Registry.LeaderID()
	return out, nil
}

type empty struct{}

func (a *API) deregister(_ context.Context, in *InstanceRef) (*empty, error) {
	if err := a.cfg.Registry.Deregister(in.InstanceID); err != nil {
		return nil, registryError(err)
	}
	return nil, nil
}

type registryAgentsOutput struct {
	Body struct {
		Instances []InstanceBody `json:"instances" nullable:"false"`
		LeaderID  string         `json:"leader_id,omitempty"`
		Agents    []node.Agent   `json:"agents" nullable:"false"`
	}
}

func (a *API) registryAgents(context.Context, *none) (*registryAgentsOutput, error) {
	out := &registryAgentsOutput{}
	out.Body.Instances, out.Body.LeaderID, out.Body.Agents = a.instances(), a.cfg.Registry.LeaderID(), a.cfg.Registry.Agents()
	return out, nil
}

type registryNodesOutput struct {
	Body struct {
		Nodes []node.RegistryNode `json:"nodes" nullable:"false"`
	}
}

func (a *API) registryNodes(ctx context.Context, _ *none) (*registryNodesOutput, error) {
	out := &registryNodesOutput{}
	out.Body.Nodes = a.cfg.Registry.Nodes(ctx)
	return out, nil
}
