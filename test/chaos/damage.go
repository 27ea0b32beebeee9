//go:build linux

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// damagePause is how long no second replica is damaged after a first: what is
// acknowledged lies on a majority only, and may be on no other disk yet.
const damagePause = 20 * time.Second

// damaged are the files of a replica of which a bit may be wrong: the node
// repairs itself then, from its peers.
var damaged = []string{"raft/log/*.wal", "raft/log/index", "raft/state-*.db", "raft/snapshots/*/state.bin", "raft/snapshots/*/meta.json", "raft/CURRENT"}

// damage flips bits of one file of a node while it is down.
func (z *nemesis) damage() func(context.Context) {
	nodes := z.seize(1)
	pattern := damaged[z.rng.IntN(len(damaged))]
	at, flips := make([]float64, 1+z.rng.IntN(3)), make([]byte, 0, 3)
	for i := range at {
		at[i] = z.rng.Float64()
		flips = append(flips, 1<<z.rng.IntN(8))
	}
	if len(nodes) == 0 {
		return nil
	}
	z.r.mu.Lock()
	recent := z.r.damaged > 0 && z.r.now()-z.r.damaged < damagePause
	z.r.mu.Unlock()
	if recent || len(z.r.members()) < leastMembers {
		free(nodes)
		return nil
	}
	return func(ctx context.Context) {
		defer free(nodes)
		n := nodes[0]
		// A replica that is behind may be the others' only hope.
		if err := eventually(ctx, 5*time.Second, func() error { return z.r.whole() }); err != nil {
			z.r.event("nothing of %s is damaged: %v", n.Name(), err)
			return
		}
		n.kill()
		z.r.mu.Lock()
		z.r.damaged = z.r.now()
		z.r.mu.Unlock()
		what, err := flip(n, pattern, at, flips)
		z.r.event("damage to %s: %s (%v)", n.Name(), what, err)
		z.r.again(n)
		err = eventually(ctx, 40*time.Second, func() error { return z.r.whole() })
		z.r.event("%s after the damage: whole again (%v)", n.Name(), err)
	}
}

// flip flips bits in the newest file of the pattern, within what was written.
func flip(n *node, pattern string, at []float64, bit []byte) (string, error) {
	list, _ := filepath.Glob(n.file(pattern))
	if len(list) == 0 { // a young mesh has no snapshots
		list, _ = filepath.Glob(n.file(damaged[0]))
	}
	if len(list) == 0 {
		return "there is no log", nil
	}
	path := list[len(list)-1]
	data, err := os.ReadFile(path)
	if err != nil {
		return path, err
	}
	used := len(bytes.TrimRight(data, "\x00")) // segments are made longer than they are full
	what := strings.TrimPrefix(path, n.file(""))
	for i, f := range at {
		if used > 0 {
			off := int(f * float64(used))
			data[off] ^= bit[i]
			what += fmt.Sprintf(", bit %d of byte %d", bits.TrailingZeros8(bit[i]), off)
		}
	}
	return what + fmt.Sprintf(" of %d", used), os.WriteFile(path, data, 0o600)
}

// whole says whether all members run, follow one leader and are at about one
// revision, each a voter as far as the mesh wants voters.
func (r *runner) whole() error {
	c := r.newClient(705)
	defer c.close()
	var first status
	members := r.members()
	for i, n := range members {
		s, err := c.status(n)
		switch {
		case err != nil:
			return err
		case s.Leader == nil:
			return fmt.Errorf("%s knows no leader", n.Name())
		case i == 0:
			first = s
		case s.Leader.Name != first.Leader.Name:
			return fmt.Errorf("%s follows %s, %s follows %s", n.Name(), s.Leader.Name, members[0].Name(), first.Leader.Name)
		case s.Revision+50 < first.Revision || first.Revision+50 < s.Revision:
			return fmt.Errorf("%s is at revision %d, %s at %d", n.Name(), s.Revision, members[0].Name(), first.Revision)
		}
	}
	voters, err := r.voters(members[0])
	if err == nil && len(voters) < min(3, len(members)) {
		err = fmt.Errorf("there are %d voters", len(voters))
	}
	return err
}
