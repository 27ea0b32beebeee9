package node

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/node/roster"
)

func TestWhoseSeatIsMoved(t *testing.T) {
	for _, c := range []struct{ voters, leader, dead, want string }{
		{"abc", "a", "", "c"},
		{"abc", "c", "", "b"},
		{"abc", "a", "b", "b"},
		{"abc", "a", "bc", "c"},
		{"a", "a", "", "a"},
		{"", "a", "", ""},
	} {
		var voters []roster.Member
		for _, id := range c.voters {
			voters = append(voters, roster.Member{RaftID: string(id)})
		}
		m, ok := pickSeat(voters, c.leader, func(m roster.Member) bool { return !strings.Contains(c.dead, m.RaftID) })
		if m.RaftID != c.want || ok != (c.want != "") {
			t.Errorf("%+v: %q", c, m.RaftID)
		}
	}
}
