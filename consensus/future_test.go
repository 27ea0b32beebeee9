package consensus

import (
	"testing"
	"time"
)

// The futures of Raft's Apply must be those that endWith knows: with another
// release of the library it may find its field no more, and closing under load
// would leave goroutines behind.
func TestFuturesEndWithRaft(t *testing.T) {
	x := one(t, nil)
	eventually(t, 5*time.Second, "it leads", x.ready)
	f := x.raft.Apply(systemEntry(firstLevel, 1, systemCommand(sysMarker, x.raft.CurrentTerm())), 0)
	if !endWith(f, x.raftEnded) {
		t.Fatal("the field is gone")
	}
	if err := f.Error(); err != nil {
		t.Fatal(err)
	}
}
