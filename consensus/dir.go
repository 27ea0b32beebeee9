package consensus

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Names inside the raft directory. DESIGN.md lists what each holds.
const (
	nameLock      = "LOCK"
	nameVersion   = "VERSION"
	nameRaftID    = "raft.id"
	nameLog       = "log"
	nameSnapshots = "snapshots"
	nameCurrent   = "CURRENT"
)

// dirFormat is the layout of the raft directory as a whole.
const dirFormat = 1

// Errors of opening a directory. They are wrapped with a sentence for people.
var (
	// ErrLocked says that another process has the directory open.
	ErrLocked = errors.New("the raft directory is in use")
	// ErrLogDamaged says that the log has lost entries it once held: the node
	// may have acknowledged them, so it must not vote under this raft id again.
	ErrLogDamaged = errors.New("the raft log is damaged")
	// ErrNewer says that a newer version of the program wrote the directory.
	ErrNewer = errors.New("written by a newer version")
	// ErrNotEmpty refuses to bootstrap over existing data.
	ErrNotEmpty = errors.New("the raft directory is not empty")
)

// EnsureID returns the raft id of the directory and mints it, and the
// directory, if there is none (fresh). The id is random and made where the log
// lives, so that a wiped disk is another server to Raft: a vote or an entry
// that was lost can never be taken for one that is kept.
func EnsureID(dir string) (raftID string, fresh bool, err error) {
	if err := makeDir(dir); err != nil {
		return "", false, fmt.Errorf("making the raft directory: %w", err)
	}
	path := filepath.Join(dir, nameRaftID)
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		id := strings.TrimSpace(string(data))
		if !validID(id) {
			return "", false, fmt.Errorf("%s does not hold a raft id: %w", path, ErrLogDamaged)
		}
		return id, false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, fmt.Errorf("reading the raft id: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, nameLog)); err == nil {
		return "", false, fmt.Errorf("%s is missing beside a log: %w", path, ErrLogDamaged)
	}
	var random [16]byte
	rand.Read(random[:])
	id := "r" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:]))
	if err := writeFileSync(path, []byte(id+"\n")); err != nil {
		return "", false, fmt.Errorf("writing the raft id: %w", err)
	}
	return id, true, nil
}

func validID(id string) bool {
	if len(id) < 2 || len(id) > 64 {
		return false
	}
	for _, c := range id {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// directory is an opened, locked raft directory.
type directory struct {
	path string
	id   string
	lock *os.File
}

// openDirectory takes the lock before anything else is read, so that a second
// process gets a sentence and not a hang.
func openDirectory(path string) (*directory, error) {
	if err := makeDir(path); err != nil {
		return nil, fmt.Errorf("making the raft directory: %w", err)
	}
	if err := os.Chmod(path, 0o700); err != nil {
		return nil, fmt.Errorf("protecting the raft directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, nameLock), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	if err := lockFile(lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("another process has %s open, stop it or use another data directory: %w", path, ErrLocked)
	}
	d := &directory{path: path, lock: lock}
	if err := d.checkVersion(); err != nil {
		d.close()
		return nil, err
	}
	if d.id, _, err = EnsureID(path); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *directory) checkVersion() error {
	path := filepath.Join(d.path, nameVersion)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFileSync(path, []byte(strconv.Itoa(dirFormat)+"\n"))
	}
	if err != nil {
		return fmt.Errorf("reading the format of the raft directory: %w", err)
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || v < 1 {
		return fmt.Errorf("%s does not hold a format number", path)
	}
	if v > dirFormat {
		return fmt.Errorf("%s has format %d and this program knows up to %d, upgrade this node: %w", d.path, v, dirFormat, ErrNewer)
	}
	return nil
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

func (d *directory) close() error { return d.lock.Close() }

// makeDir makes a directory whose name a power loss does not take away: what is
// synced inside a directory that vanishes is gone all the same.
func makeDir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// writeFileSync replaces a file so that after a power loss either the old or
// the new content is there.
func writeFileSync(path string, data []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames in a directory durable. Windows has no such call: its
// file systems journal names.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
