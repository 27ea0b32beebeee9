package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/wire"
	"golang.org/x/time/rate"
)

// admission is what a member needs to let others in.
type admission struct {
	mu    sync.Mutex
	asked map[string]*rate.Limiter // by address: how often the leader is asked about tokens unknown here
}

const maxAskers = 4096

// mayAskLeader keeps strangers with made-up tokens from reaching the leader
// more than once a second each.
func (a *admission) mayAskLeader(host string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	l := a.asked[host]
	if l == nil {
		if a.asked == nil || len(a.asked) >= maxAskers {
			a.asked = map[string]*rate.Limiter{}
		}
		l = rate.NewLimiter(1, 1)
		a.asked[host] = l
	}
	return l.Allow()
}

// admit serves one joiner: it checks all that can be checked here, dials back,
// and lets one replicated command decide.
func (n *Node) admit(ctx context.Context, c *wire.JoinConn) {
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var q joinRequest
	if err := c.ReadMessage(&q); err != nil {
		return
	}
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	final, err := n.decide(ctx, c, &q)
	if err != nil {
		code, sentence := admissionError(err)
		n.log.Info("refused a join", "token_id", q.TokenID, "from", c.RemoteAddr().String(), "code", code, "error", err)
		_ = c.WriteMessage(&joinProgress{Code: code, Text: sentence})
		return
	}
	n.log.Info("admitted a node", "name", final.Name, "token_id", q.TokenID, "from", c.RemoteAddr().String())
	for _, p := range final.pieces() {
		if c.WriteMessage(&p) != nil {
			return
		}
	}
}

// admissionError is what a joiner is told. What the mesh cannot do just now has
// a code of its own, so that the joiner tries again.
func admissionError(err error) (code, sentence string) {
	switch {
	case errors.Is(err, consensus.ErrNoLeader), errors.Is(err, consensus.ErrStateFault), errors.Is(err, consensus.ErrDiskFull):
		return "NO_LEADER", "the mesh cannot write just now: " + err.Error()
	case errors.Is(err, consensus.ErrOverloaded):
		return "OVERLOADED", err.Error()
	case errors.Is(err, consensus.ErrUnknown), errors.Is(err, consensus.ErrBehind):
		return "OUTCOME_UNKNOWN", "it is not known whether the mesh admitted this node"
	}
	return wire.CodeOf(err)
}

func (n *Node) decide(ctx context.Context, c *wire.JoinConn, q *joinRequest) (*joinProgress, error) {
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	request, err := n.checkRequest(ctx, c, q, host)
	if err != nil {
		return nil, err
	}
	proven := n.dialBack(ctx, c.Pin(), q.Addresses)
	if len(proven) == 0 && q.ListenPort > 0 {
		seen := net.JoinHostPort(host, strconv.Itoa(q.ListenPort))
		proven = n.dialBack(ctx, c.Pin(), []string{seen})
	}
	if len(proven) == 0 {
		return nil, consensus.Refuse("UNREACHABLE_BACK", fmt.Sprintf("%s cannot dial the newcomer at %s: open that port in its firewall, or name an address that others can reach with --advertise HOST:PORT", n.Name(), strings.Join(q.Addresses, ", ")))
	}
	if err := c.WriteMessage(&joinProgress{Step: StepReached, Text: fmt.Sprintf("%s reaches this node at %s", n.Name(), proven[0])}); err != nil {
		return nil, err
	}
	request.Addresses = unite(roster.MaxAddresses, proven, q.Addresses)
	admitted, err := n.rosters.Admit(ctx, request)
	if err != nil {
		return nil, err
	}
	name := admitted.Member.Name
	text := "admitted as " + name
	if admitted.Renamed {
		text += fmt.Sprintf(": another member is called %s already", q.Name)
	}
	r := n.trust.Roster()
	return &joinProgress{Step: StepAdmitted, Text: text, Name: name, Revision: r.Revision, Roster: r.Encode()}, nil
}

// checkRequest refuses what needs no replicated command to be refused, so that
// strangers cannot write the log.
func (n *Node) checkRequest(ctx context.Context, c *wire.JoinConn, q *joinRequest, host string) (roster.Admission, error) {
	if q.MeshID != n.trust.MeshID() {
		return roster.Admission{}, consensus.Refuse("OTHER_MESH", "the token is for another mesh than the one that answers here")
	}
	id, err := identity.ParseNodeID(q.NodeID)
	if err != nil {
		return roster.Admission{}, consensus.Refuse("INVALID", err.Error())
	}
	if p, verdict := n.trust.ByPin(c.Pin()); verdict == wire.Removed {
		return roster.Admission{}, consensus.Refuse(roster.CodeNodeRemoved, "this node was removed from the mesh for ever: `meshd reset` makes it a new node, which may join with a new token")
	} else if verdict == wire.Member && p.ID != id {
		return roster.Admission{}, consensus.Refuse("INVALID", "the key of the joining node speaks for another member")
	} else if verdict == wire.Unknown && id != identity.MintNodeID(c.Pin()) {
		return roster.Admission{}, consensus.Refuse("INVALID", "the node id does not follow from the key")
	}
	request := q.admission(id, c.Pin())
	token, err := n.rosters.Check(ctx, request, time.Now())
	if isRefusal(err, roster.CodeTokenUnknown) && n.admission.mayAskLeader(host) {
		// The token may be younger than this node's state.
		if _, err := n.rosters.Roster(ctx, consensus.ReadOptions{Consistency: consensus.Linearizable}); err != nil {
			return roster.Admission{}, err
		}
		token, err = n.rosters.Check(ctx, request, time.Now())
	}
	if err != nil {
		return roster.Admission{}, err
	}
	if err := roster.VerifyJoin(token.PublicKey, c.Exporter(), q.MeshID, q.TokenID, id, c.Pin(), q.RaftID, q.Signature); err != nil {
		return roster.Admission{}, consensus.Refuse(roster.CodeTokenUnknown, "the join token does not fit this mesh: "+err.Error())
	}
	return request, nil
}

func (q *joinRequest) admission(id identity.NodeID, pin identity.Pin) roster.Admission {
	return roster.Admission{
		TokenID: q.TokenID, ID: id, Name: q.Name, Pin: pin, RaftID: q.RaftID, Addresses: q.Addresses,
		Role: roster.Role(q.Role), NoVote: q.NoVote, Recipient: q.Recipient, Version: q.Version, Level: q.Level,
	}
}

// dialBack returns which of the addresses answer with the key, in their order.
func (n *Node) dialBack(ctx context.Context, pin identity.Pin, addresses []string) []string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	addresses = addresses[:min(len(addresses), roster.MaxAddresses)]
	ok := make([]bool, len(addresses))
	var probes sync.WaitGroup
	for i, a := range addresses {
		probes.Go(func() { ok[i] = n.port.Probe(ctx, a, []identity.Pin{pin}) == nil })
	}
	probes.Wait()
	i := -1
	return slices.DeleteFunc(slices.Clone(addresses), func(string) bool { i++; return !ok[i] })
}
