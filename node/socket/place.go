package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// place is where the socket belongs.
func place(dataDir, group string) (string, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return "", fmt.Errorf("finding the local socket: %w", err)
	}
	direct := filepath.Join(dir, name)
	if len(direct) <= longest && group == "" {
		return direct, nil
	}
	path := filepath.Join(runtimeDirs()[0], hashed(dir))
	if len(path) > longest {
		return "", fmt.Errorf("the local socket finds no place: %s is longer than %d bytes; choose a shorter --data or XDG_RUNTIME_DIR", path, longest)
	}
	return path, nil
}

// Find is where a node of the data directory listens, or would: the place its
// pointer names, else the direct one, else one under a runtime directory, for
// those who may not look into the data directory. Whether somebody answers is
// for the caller to try.
func Find(dataDir string) (string, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return "", fmt.Errorf("finding the local socket: %w", err)
	}
	// The file is ours, but a damaged one must not become an address.
	if data, err := os.ReadFile(filepath.Join(dir, pointer)); err == nil {
		if path := strings.TrimSpace(string(data)); filepath.IsAbs(path) && len(path) <= longest {
			return path, nil
		}
	} else if errors.Is(err, fs.ErrPermission) {
		for _, base := range runtimeDirs() {
			path := filepath.Join(base, hashed(dir))
			if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSocket != 0 {
				return path, nil
			}
		}
	}
	return place(dir, "")
}

// hashed is a short name for a data directory.
func hashed(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return hex.EncodeToString(sum[:10]) + ".sock"
}

// runtimeDirs lists where sockets may lie, the one this process would use
// first: what systemd made for the unit, the user's runtime directory (XDG Base
// Directory Specification), root's, and a private one beside temporary files.
func runtimeDirs() []string {
	var dirs []string
	if d, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":"); filepath.IsAbs(d) {
		dirs = append(dirs, d)
	}
	if d := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(d) && os.Getuid() != 0 {
		dirs = append(dirs, filepath.Join(d, "meshd"))
	}
	private := filepath.Join(os.TempDir(), "meshd-"+strconv.Itoa(os.Getuid()))
	if os.Getuid() == 0 {
		return append(dirs, "/run/meshd", "/var/run/meshd", private)
	}
	return append(dirs, private, "/run/meshd", "/var/run/meshd")
}
