package caller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
)

// revisions remembers the revision of the last write to one node, so that the
// next command reads it. It is a convenience: a file that cannot be read or
// written costs no command.
type revisions struct{ path string }

type remembered struct {
	Revision uint64 `json:"revision"`
}

// revisionFile is the data directory's own where it can be written, so that it
// goes when the directory is reset, and one in the cache for other nodes.
func revisionFile(o Options, where string) string {
	if o.Node == "" {
		if info, err := os.Stat(o.Data); err == nil && info.IsDir() {
			return filepath.Join(o.Data, "client.json")
		}
	}
	if o.Cache == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(where))
	return filepath.Join(o.Cache, "revisions", hex.EncodeToString(sum[:8])+".json")
}

// load returns 0 where nothing is remembered.
func (r revisions) load() uint64 {
	if r.path == "" {
		return 0
	}
	data, err := os.ReadFile(r.path)
	if err != nil || len(data) > 1024 {
		return 0
	}
	var m remembered
	if json.Unmarshal(data, &m) != nil {
		return 0
	}
	return m.Revision
}

// save remembers a higher revision. Two commands at once may leave the lower
// of two; each has printed its own result.
func (r revisions) save(revision uint64) {
	if r.path == "" || revision <= r.load() {
		return
	}
	r.put(remembered{revision})
}

// forget is for a mesh that never had the remembered revision: another one
// lives at this address now.
func (r revisions) forget() {
	if r.path != "" {
		_ = os.Remove(r.path)
	}
}

func (r revisions) put(m remembered) {
	data, err := json.Marshal(m)
	if err != nil {
		return
	}
	if filepath.Base(r.path) != "client.json" {
		if os.MkdirAll(filepath.Dir(r.path), 0o700) != nil {
			return
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(r.path), ".client-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(append(data, '\n'))
	if closeErr := tmp.Close(); err != nil || closeErr != nil || os.Rename(tmp.Name(), r.path) != nil {
		_ = os.Remove(tmp.Name())
	}
}
