package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// unfinishedFile marks a data directory while a verb remakes it in several
// steps: between them it is no node, and must not be taken for one.
const unfinishedFile = "unfinished"

// The verbs that leave the mark, as people type them.
const (
	verbRestore = "restore"
	verbRecover = "recover"
)

// unfinished is the content of the mark.
type unfinished struct {
	Verb string `json:"verb"`
	// MeshID is that of the mesh to be, OldMeshID of the one before.
	MeshID    string `json:"mesh_id"`
	OldMeshID string `json:"old_mesh_id,omitempty"`
	// Step is how far a recovery has come (recover_steps.go), Aside the name
	// that the damaged replica gets.
	Step  string `json:"step,omitempty"`
	Aside string `json:"aside,omitempty"`
}

// readUnfinished returns the zero value where nothing is unfinished.
func readUnfinished(dir string) (u unfinished, err error) {
	data, err := os.ReadFile(filepath.Join(dir, unfinishedFile))
	if errors.Is(err, os.ErrNotExist) {
		return u, nil
	}
	if err != nil {
		return u, fmt.Errorf("reading the mark of a verb cut short: %w", err)
	}
	if json.Unmarshal(data, &u) != nil || u.Verb != verbRestore && u.Verb != verbRecover {
		return unfinished{}, consensus.Refuse("UNFINISHED", fmt.Sprintf("a verb was cut short in %s, and the file %q, which says which, is damaged: if it was a restore, clear the directory with `meshd reset` and restore again; if it was a recovery, put the directory back from a copy and recover again", dir, unfinishedFile))
	}
	return u, nil
}

func (u unfinished) mark(dir string) error {
	data, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return identity.WriteFile(filepath.Join(dir, unfinishedFile), append(data, '\n'))
}

func clearUnfinished(dir string) error {
	if err := os.Remove(filepath.Join(dir, unfinishedFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("taking the mark %s away: %w", unfinishedFile, err)
	}
	return nil
}

// Unfinished refuses a data directory in which a verb was cut short, and says
// which one finishes it.
func Unfinished(dir string) error {
	u, err := readUnfinished(dir)
	if err != nil {
		return err
	}
	switch u.Verb {
	case verbRestore:
		return consensus.Refuse("UNFINISHED", fmt.Sprintf("a restore into %s was cut short: run `meshd restore` again, which begins anew, or clear the directory with `meshd reset`", dir))
	case verbRecover:
		return consensus.Refuse("UNFINISHED", fmt.Sprintf("a recovery of %s was cut short: run `meshd recover` again, which goes on with it", dir))
	}
	return nil
}
