package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// Two processes with one identity and one raft id had two votes in the place of
// one, and nobody said a word.
func TestACopiedDirectoryIsNoSecondNode(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	victim := nodes[2]
	stop(t, victim)
	double := realmesh.New(t, "copy")
	if err := os.CopyFS(double.Data, os.DirFS(victim.Data)); err != nil {
		t.Fatal(err)
	}
	private(t, double.Data)
	victim.Start("serve")
	victim.WaitServing()
	realmesh.Formed(t, 30*time.Second, nodes...)

	double.Start("serve")
	ends(t, double, failed, "another meshd runs at "+victim.Address, "copy", "meshd reset")

	// While it was not seen, a second one came up: the younger ends.
	victim.Pause()
	double.Start("serve")
	double.WaitServing()
	realmesh.Eventually(t, 60*time.Second, "the copy has told the mesh where it is", func() error {
		for _, n := range nodes[:2] {
			m, _, err := member(n, victim.Name)
			if err != nil || m.Address != double.Address {
				return fmt.Errorf("%s has it at %s %w", n.Name, m.Address, err)
			}
		}
		return nil
	})
	victim.Resume()
	ends(t, double, failed, "another meshd runs at "+victim.Address)
	realmesh.Formed(t, 60*time.Second, nodes...)
	if !strings.Contains(victim.LastLog(), "copy of this one's data directory") {
		t.Errorf("the one that was there first says nothing of it:\n%s", lastLines(victim.LastLog(), 8))
	}
}

// private gives a copied directory the permissions of one that meshd made.
func private(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}
