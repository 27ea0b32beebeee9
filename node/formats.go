package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/node/roster"
)

// Formats are all formats that outlive a process, on one page. deploy/UPGRADE.md
// has the same table.
func Formats() []consensus.Format {
	out := append([]consensus.Format{{Name: "data directory", Where: "VERSION", Writes: dataFormat, Reads: 1}}, roster.Formats()...)
	for _, f := range consensus.Formats() {
		if f.Name != "backup" {
			f.Where = raftDir + "/" + f.Where
		}
		out = append(out, f)
	}
	return append(out, consensus.Format{Name: "graph", Where: "in the state", Writes: graphsync.Format, Reads: 1})
}

// FindFormats says which formats a data directory has. It changes nothing and
// needs no lock: a node may run on it.
func FindFormats(dir string) ([]consensus.FoundFormat, error) {
	data, err := os.ReadFile(filepath.Join(dir, "VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoMesh)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the format of the data directory: %w", err)
	}
	version, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return nil, fmt.Errorf("%s holds no format number; is %s really a data directory of meshd?", filepath.Join(dir, "VERSION"), dir)
	}
	trust, err := roster.FindTrustFormat(dir)
	if err != nil {
		return nil, err
	}
	raft, err := consensus.FindFormats(filepath.Join(dir, raftDir))
	if err != nil {
		return nil, err
	}
	found := map[string]consensus.FoundFormat{"data directory": {Found: version}, "trust": {Found: trust}}
	for _, f := range raft {
		found[f.Name] = f
	}
	var out []consensus.FoundFormat
	for _, f := range Formats() {
		if has, ok := found[f.Name]; ok {
			has.Format = f
			out = append(out, has)
		}
	}
	return out, nil
}
