package node

import (
	"testing"

	"github.com/meshd/meshd/node/message"
)

// A node that was restarted hosts nothing of what its earlier process did, from
// the first connection with the new one on: what was sent there first would come
// behind what was not.
func TestAgentsOfAnEarlierProcessAreNotThere(t *testing.T) {
	x := newAgentIndex()
	at := func(nodes ...string) (hosts []message.Host) {
		for _, n := range nodes {
			hosts = append(hosts, message.Host{NodeID: n, Alive: true, Instances: 1, Durable: 1})
		}
		return hosts
	}
	both, other := at("a", "b"), at("b")
	x.now.Store(&agentView{hosts: map[string][]message.Host{"two": both, "one": at("a"), "else": other}, peers: []string{"a", "b"}})
	x.seen = map[string]sightedRecord{"a": {incarnation: 10}, "b": {incarnation: 10}}

	if x.began("a", 9) || x.began("b", 10) || len(x.lookup("two")) != 2 {
		t.Errorf("a connection with the process that has told them: %v", x.lookup("two"))
	}
	if !x.began("a", 11) {
		t.Error("nobody has moved")
	}
	if got := x.lookup("two"); len(got) != 1 || got[0].NodeID != "b" {
		t.Errorf("%v", got)
	}
	if got := x.lookup("one"); got != nil {
		t.Errorf("%v", got)
	}
	if got := x.lookup("else"); &got[0] != &other[0] {
		t.Error("the hosts of another agent are another slice")
	}
	if x.began("a", 11) || len(x.peers()) != 2 {
		t.Error("a second connection moves somebody")
	}
	if x.holds("a", 10) || !x.holds("a", 11) || !x.holds("c", 1) {
		t.Error("it does not tell the records apart")
	}
}
