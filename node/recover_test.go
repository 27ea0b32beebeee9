package node

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/roster"
)

// files are names and contents in a data directory, without locks and the
// certificate, which is made anew whenever the hosts in it change.
func files(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" || d.Name() == "node.crt" {
			return err
		}
		data, err := os.ReadFile(path)
		out = append(out, strings.TrimPrefix(path, dir)+" "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// A survivor whose replica is damaged keeps all that is whole in it, and the
// damaged one; where nothing is whole it stays as it is, however often it is
// tried.
func TestRecoveryOfADamagedReplica(t *testing.T) {
	first := testConfig(t, "alpha")
	n, _, err := Found(t.Context(), first, "home")
	if err != nil {
		t.Fatal(err)
	}
	addNode(t, n, "ada")
	end := closing(t, n)
	end()
	for _, c := range []struct {
		name  string
		gone  []string
		whole bool
	}{
		{"index", []string{"raft/log/index"}, true},
		{"segments", []string{"raft/log/*.wal"}, true},
		{"log", []string{"raft/log"}, true},
		{"index and state", []string{"raft/log/index", "raft/state-*.db"}, true},
		{"all", []string{"raft/log/index", "raft/log/*.wal", "raft/state-*.db"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(t, "alpha")
			if err := os.CopyFS(cfg.Data, os.DirFS(first.Data)); err != nil {
				t.Fatal(err)
			}
			err := filepath.WalkDir(cfg.Data, func(path string, d os.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					return os.Chmod(path, 0o700)
				}
				return errors.Join(err, os.Chmod(path, 0o600))
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, pattern := range c.gone {
				list, _ := filepath.Glob(filepath.Join(cfg.Data, pattern))
				for _, path := range list {
					if err := os.RemoveAll(path); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "meshd recover") {
				t.Fatalf("serving: %v", err)
			}
			before := files(t, cfg.Data)
			damaged := files(t, filepath.Join(cfg.Data, raftDir))
			plan, err := PlanRecovery(cfg.Data)
			if !c.whole {
				if !isRefusal(err, "NOTHING_WHOLE") {
					t.Fatalf("the plan: %v", err)
				}
				for range 2 {
					if _, err := Recover(t.Context(), cfg); !isRefusal(err, "NOTHING_WHOLE") {
						t.Fatal(err)
					}
				}
				if files(t, cfg.Data) != before {
					t.Error("the directory has changed")
				}
				return
			}
			if err != nil || plan.Damaged == "" || plan.Kept == "" || plan.Lost == "" {
				t.Fatalf("%+v, %v", plan, err)
			}
			if files(t, cfg.Data) != before {
				t.Error("the plan has changed the directory")
			}
			done, err := Recover(t.Context(), cfg)
			if err != nil || done.Revision <= 1<<32 {
				t.Fatalf("%+v, %v", done, err)
			}
			if files(t, plan.Aside) != damaged {
				t.Error("the damaged replica was changed")
			}
			n, err := Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			closing(t, n)
			if label(t, n, "ada") != "of ada" || n.trust.MeshID() != done.MeshID {
				t.Error("it is another mesh")
			}
		})
	}
}

// A recovery that was killed while the replicas change places goes on.
func TestRecoveryCutShortInTheTurn(t *testing.T) {
	cfg := testConfig(t, "alpha")
	n, _, err := Found(t.Context(), cfg, "home")
	if err != nil {
		t.Fatal(err)
	}
	addNode(t, n, "ada")
	old, self := n.trust.MeshID(), n.id.ID()
	closing(t, n)()
	raft, aside := filepath.Join(cfg.Data, raftDir), filepath.Join(cfg.Data, damagedDir+"-1")
	if err := os.Remove(filepath.Join(raft, "log", "index")); err != nil {
		t.Fatal(err)
	}
	u := unfinished{Verb: verbRecover, MeshID: roster.NewMeshID(), OldMeshID: old}
	if err := u.rewrite(t.Context(), cfg, self, true); err != nil {
		t.Fatal(err)
	}
	// Back to between the two renames.
	u.Step = stepTurn
	if err := os.Rename(raft, filepath.Join(cfg.Data, recoveredDir)); err != nil {
		t.Fatal(err)
	}
	if err := u.mark(cfg.Data); err != nil {
		t.Fatal(err)
	}
	if _, err := PlanRecovery(cfg.Data); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), cfg); !isRefusal(err, "UNFINISHED") {
		t.Fatalf("serving: %v", err)
	}
	done, err := Recover(t.Context(), cfg)
	if err != nil || done.MeshID != u.MeshID {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := os.Stat(aside); err != nil {
		t.Error(err)
	}
	n, err = Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)
	if label(t, n, "ada") != "of ada" {
		t.Error("the graph is gone")
	}
}

// What a directory without its trust file lacks is that file.
func TestLostTrust(t *testing.T) {
	cfg := testConfig(t, "alpha")
	n, _, err := Found(t.Context(), cfg, "home")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)()
	if err := LostTrust(cfg.Data); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(cfg.Data, "trust")); err != nil {
		t.Fatal(err)
	}
	_, planErr := PlanRecovery(cfg.Data)
	_, err = Recover(t.Context(), cfg)
	for _, err := range []error{LostTrust(cfg.Data), planErr, err} {
		if !isRefusal(err, "MESH_EXISTS") || !strings.Contains(err.Error(), "put the file `trust` back") {
			t.Error(err)
		}
	}
	// A join that was killed before it was admitted leaves no replica.
	young := t.TempDir()
	if _, _, err := consensus.EnsureID(filepath.Join(young, raftDir)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := LostTrust(young); err != nil {
			t.Error(err)
		}
	}
}
