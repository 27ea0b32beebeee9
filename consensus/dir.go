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

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft-wal/types"
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
	b, err := readBadge(dir)
	switch {
	case err == nil:
		return b.id, false, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, err
	}
	for _, name := range []string{nameLog, nameCurrent, nameSnapshots} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return "", false, fmt.Errorf("%s is missing beside %s: %w", filepath.Join(dir, nameRaftID), name, ErrLogDamaged)
		}
	}
	var random [16]byte
	rand.Read(random[:])
	b = badge{id: "r" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random[:])), life: lifeNew}
	return b.id, true, b.write(dir)
}

// directory is an opened, locked raft directory.
type directory struct {
	path string
	id   string
	used bool // it has had a log
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
	b, err := readBadge(path)
	if err != nil {
		d.close()
		return nil, err
	}
	d.used = b.life == lifeUsed
	return d, nil
}

// lostLog says that this server has had a log and that it, or its index, is
// not there.
func (d *directory) lostLog() bool {
	_, err := os.Stat(filepath.Join(d.file(nameLog), nameIndex))
	return d.used && errors.Is(err, fs.ErrNotExist)
}

// openLog opens the log of the directory. A server that has had one is damaged
// without it, whatever else is left: an empty log in its place would vote again.
func (d *directory) openLog(vfs types.VFS, logger hclog.Logger) (*raftLog, error) {
	if d.lostLog() {
		return nil, fmt.Errorf("the log of this server, or its index, is gone: %w", ErrLogDamaged)
	}
	log, err := openRaftLog(d.file(nameLog), vfs, logger)
	if err != nil {
		return nil, err
	}
	err = log.meta.sign(d.id)
	if err == nil && !d.used {
		err = badge{d.id, lifeUsed}.write(d.path)
	}
	if err != nil {
		log.close()
		return nil, err
	}
	d.used = true
	return log, nil
}

func (d *directory) checkVersion() error {
	path := filepath.Join(d.path, nameVersion)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeFileSync(path, line(strconv.Itoa(dirFormat)))
	}
	if err != nil {
		return fmt.Errorf("reading the format of the raft directory: %w", err)
	}
	words, err := parseLine(data)
	v := 0
	if err == nil {
		v, err = strconv.Atoi(words[0])
	}
	if err != nil || v < 1 {
		return fmt.Errorf("%s is damaged and does not hold a format number: delete it if no newer version of this program has ever used the directory", path)
	}
	if v > dirFormat {
		return fmt.Errorf("%s has format %d and this program knows up to %d, upgrade this node: %w", d.path, v, dirFormat, ErrNewer)
	}
	return nil
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

func (d *directory) close() error { return errors.Join(unlockFile(d.lock), d.lock.Close()) }

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
