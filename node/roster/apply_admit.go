package roster

import (
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
)

// verdict is what the rules of admission say before anything is written.
type verdict struct {
	head     meta
	token    Token
	old      Member // set where the node is a member already
	isMember bool
	repeat   bool
}

// judge applies the rules of admission. The entry node asks it before it
// proposes, so that strangers cannot write the log; the command asks it again.
func judge(r consensus.Reader, a Admission, now time.Time) (v verdict, err error) {
	if v.head, err = mesh(r); err != nil {
		return v, err
	}
	probe := a.member()
	if err := probe.check(); err != nil {
		return v, err
	}
	if r.Get(tableTombstones, []byte(a.ID)) != nil {
		return v, refuseRemoved()
	}
	if owner := r.Get(tablePins, a.Pin[:]); owner != nil && string(owner) != string(a.ID) {
		if r.Get(tableTombstones, owner) != nil {
			return v, refuseRemoved()
		}
		return v, refuse(CodePinTaken, "another member has the same key; run `meshd reset` on the joining machine, so that it makes its own")
	}
	if v.old, v.isMember, err = load[Member](r, tableMembers, []byte(a.ID)); err != nil {
		return v, err
	}
	if v.isMember && !slices.Contains(v.old.Pins, a.Pin) {
		return v, refuse(CodeNodeIDTaken, "a member with this node id has another key; run `meshd reset` on the joining machine and join again")
	}
	if err := checkSeat(r, a.RaftID, a.ID); err != nil {
		return v, err
	}
	var known bool
	if v.token, known, err = load[Token](r, tableTokens, []byte(a.TokenID)); err != nil {
		return v, err
	}
	// A joiner that lost the answer asks again with all the same words. It is
	// in already, so that whether the token still stands is no question.
	if v.isMember && !v.old.Leaving && a.TokenID != "" && v.old.TokenID == a.TokenID && v.old.RaftID == a.RaftID {
		v.repeat = true
		return v, nil
	}
	if !known {
		return v, refuse(CodeTokenUnknown, "this mesh knows no such join token; make one with `meshd token create` on a member")
	}
	if err := v.token.usable(now); err != nil {
		return v, err
	}
	if v.token.Role != a.Role {
		return v, refuse(CodeRoleMismatch, fmt.Sprintf("join token %s admits as %s, not as %s; join with --role %s or make another token", v.token.ID, v.token.Role, a.Role, v.token.Role))
	}
	if !v.isMember && v.head.Members >= MaxMembers {
		return v, refuse(CodeTooMany, fmt.Sprintf("the mesh has %d members, its limit; remove one first", MaxMembers))
	}
	return v, nil
}

func refuseRemoved() error {
	return refuse(CodeNodeRemoved, "this node was removed from the mesh for ever; run `meshd reset` on it to join as a new node")
}

func (a Admission) member() Member {
	m := Member{ID: a.ID, Name: a.Name, RaftID: a.RaftID, Addresses: a.Addresses, Role: a.Role, NoVote: a.NoVote,
		Recipient: a.Recipient, Version: a.Version, Level: a.Level, TokenID: a.TokenID}
	m.Pins = append(m.Pins, a.Pin)
	return m
}

func applyAdmit(w consensus.Writer, c consensus.Command, a Admission) (Admitted, error) {
	v, err := judge(w, a, c.Time)
	if err != nil {
		return Admitted{}, err
	}
	if c.Level >= 2 && a.Level < c.Level {
		return Admitted{}, refuse(CodeUpgradeNode, fmt.Sprintf("the mesh uses commands of level %d and the software of this node knows %d: upgrade it, then join", c.Level, a.Level))
	}
	if v.isMember {
		return reintroduce(w, c, a, v), nil
	}
	m := a.member()
	m.Name = freeName(w, a.Name, a.ID)
	m.JoinedAt, m.JoinedRevision = c.Time.UnixMilli(), c.Revision
	insert(w, m)
	countUse(w, v.token)
	v.head.Members++
	touch(w, c, v.head)
	return Admitted{Member: m, Renamed: m.Name != a.Name}, nil
}

// reintroduce brings a member that lost touch up to date: its name, pins and
// seniority stay, what it says of itself is taken over.
func reintroduce(w consensus.Writer, c consensus.Command, a Admission, v verdict) Admitted {
	m := v.old
	if m.RaftID != a.RaftID {
		retireSeat(w, m.RaftID, m.ID)
	}
	if m.Leaving {
		m.Leaving, m.Removing = false, false
		v.head.Leaving--
	}
	m.RaftID, m.Addresses, m.NoVote = a.RaftID, a.Addresses, a.NoVote
	m.Recipient, m.Version, m.Level, m.TokenID = a.Recipient, a.Version, a.Level, a.TokenID
	if !v.repeat {
		countUse(w, v.token)
	}
	if !v.repeat || string(consensus.Encode(m)) != string(consensus.Encode(v.old)) {
		insert(w, m)
		touch(w, c, v.head)
	}
	return Admitted{Member: m, Renamed: m.Name != a.Name, Reintroduced: !v.repeat, Repeated: v.repeat}
}

func countUse(w consensus.Writer, t Token) {
	t.Used++
	store(w, tableTokens, []byte(t.ID), t)
}
