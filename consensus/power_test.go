package consensus

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"

	walfs "github.com/hashicorp/raft-wal/fs"
	"github.com/hashicorp/raft-wal/types"
)

// power is the disk of a machine that can lose its power, as far as the log is
// on it. Reads and writes go to real files, as if these were the page cache;
// what each sector held since the last fsync is remembered, and which names and
// removals no fsync of the directory has covered. lose makes of the files one
// of the states that a disk may then show: each sector that was written since
// the last fsync old or new, in any mixture, each new name there or not.
type power struct {
	types.VFS
	mu    sync.Mutex
	rng   *rand.Rand
	files map[string]*cached
	ops   int // operations so far
	cutAt int // the operation in the middle of which the power goes; 0: none
	off   bool
}

// cached is one file with what is not certainly on disk.
type cached struct {
	named   bool               // its name is on disk
	sectors map[int64][][]byte // what a sector may hold, the last is in the cache
	was     []byte             // replaced as a whole and not certain yet: the old content
	absent  bool               // replaced, and there was none
	deleted []byte             // removed and not certain yet
}

var errPower = errors.New("the power is gone")

func newPower(seed uint64) *power {
	return &power{VFS: walfs.New(), rng: rand.New(rand.NewPCG(seed, 2)), files: map[string]*cached{}}
}

// step counts an operation and says how it goes: done, or cut in its middle.
func (p *power) step() (cut bool, err error) {
	if p.off {
		return false, errPower
	}
	p.ops++
	if p.cutAt > 0 && p.ops >= p.cutAt {
		p.off = true
		return true, errPower
	}
	return false, nil
}

// cutIn lets the power go in the middle of the n-th operation from now.
func (p *power) cutIn(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutAt = p.ops + n
}

func (p *power) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.off = true
}

func (p *power) isOff() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.off
}

func (p *power) file(path string) *cached {
	f := p.files[path]
	if f == nil {
		f = &cached{named: true, sectors: map[int64][][]byte{}}
		p.files[path] = f
	}
	return f
}

// Create implements types.VFS.
func (p *power) Create(dir, name string, size uint64) (types.WritableFile, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	cut, err := p.step()
	if err != nil && !cut {
		return nil, err
	}
	w, cerr := p.VFS.Create(dir, name, size)
	if cerr != nil {
		return nil, cerr
	}
	path := filepath.Join(dir, name)
	p.files[path] = &cached{sectors: map[int64][][]byte{}}
	if cut {
		w.Close()
		return nil, err
	}
	return &poweredFile{WritableFile: w, p: p, path: path, made: true}, nil
}

// OpenWriter implements types.VFS.
func (p *power) OpenWriter(dir, name string) (types.WritableFile, error) {
	w, err := p.VFS.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	return &poweredFile{WritableFile: w, p: p, path: filepath.Join(dir, name)}, nil
}

// Delete implements types.VFS: it syncs the directory.
func (p *power) Delete(dir, name string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cut, err := p.step()
	if err != nil && !cut {
		return err
	}
	path := filepath.Join(dir, name)
	if cut {
		if p.file(path).deleted, err = os.ReadFile(path); err != nil {
			return err
		}
		os.Remove(path)
		return errPower
	}
	delete(p.files, path)
	return os.Remove(path)
}

// SyncDir implements dirSyncer.
func (p *power) SyncDir(dir string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.step(); err != nil {
		return err
	}
	for path, f := range p.files {
		if filepath.Dir(path) == dir {
			f.named = true
		}
	}
	return nil
}

// Replace implements replacer.
func (p *power) Replace(path string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	cut, err := p.step()
	if err != nil && !cut {
		return err
	}
	if cut {
		f := p.file(path)
		old, rerr := os.ReadFile(path)
		f.was, f.absent = old, rerr != nil
	}
	if werr := writeFileSync(path, data); werr != nil {
		return werr
	}
	return err
}

type poweredFile struct {
	types.WritableFile
	p    *power
	path string
	made bool // by this handle: its first sync covers the name, as in raft-wal
}

// WriteAt implements io.WriterAt.
func (f *poweredFile) WriteAt(b []byte, off int64) (int, error) {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	cut, err := f.p.step()
	if err != nil && !cut {
		return 0, err
	}
	c := f.p.file(f.path)
	first, last := off/sector, (off+int64(len(b))-1)/sector
	for s := first; s <= last; s++ {
		if len(c.sectors[s]) == 0 {
			c.sectors[s] = append(c.sectors[s], f.sector(s))
		}
	}
	n, werr := f.WritableFile.WriteAt(b, off)
	for s := first; s <= last; s++ {
		c.sectors[s] = append(c.sectors[s], f.sector(s))
	}
	if cut {
		return 0, err
	}
	return n, werr
}

func (f *poweredFile) sector(s int64) []byte {
	b := make([]byte, sector)
	if _, err := f.ReadAt(b, s*sector); err != nil && !errors.Is(err, io.EOF) {
		panic(err)
	}
	return b
}

// Sync implements types.WritableFile.
func (f *poweredFile) Sync() error {
	f.p.mu.Lock()
	defer f.p.mu.Unlock()
	if _, err := f.p.step(); err != nil {
		return err
	}
	c := f.p.file(f.path)
	clear(c.sectors)
	c.named = c.named || f.made
	return nil
}

// lose gives the directory the content it has when the power is back. Nothing
// may be open.
func (p *power) lose(dir string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, f := range p.files {
		if err := p.loseFile(path, f); err != nil {
			return err
		}
	}
	p.files, p.off, p.cutAt = map[string]*cached{}, false, 0
	return p.loseRest(dir)
}

func (p *power) loseFile(path string, f *cached) error {
	switch {
	case f.deleted != nil:
		if p.rng.IntN(2) == 0 {
			return os.WriteFile(path, f.deleted, 0o600)
		}
		return nil
	case f.absent && p.rng.IntN(2) == 0:
		return os.Remove(path)
	case f.was != nil && p.rng.IntN(2) == 0:
		return os.WriteFile(path, f.was, 0o600)
	case !f.named && p.rng.IntN(2) == 0:
		return os.Remove(path)
	case len(f.sectors) == 0:
		return nil
	}
	w, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer w.Close()
	// Sometimes nothing at all arrived, or all; mostly a mixture.
	mood := p.rng.IntN(4)
	for s, versions := range f.sectors {
		pick := p.rng.IntN(len(versions))
		switch mood {
		case 0:
			pick = 0
		case 1:
			pick = len(versions) - 1
		}
		if _, err := w.WriteAt(versions[pick], s*sector); err != nil {
			return err
		}
	}
	return nil
}

// loseRest does the same to what the log's file interface does not see, by its
// rules: a state file in use was never synced, files under a temporary name may
// hold anything.
func (p *power) loseRest(dir string) error {
	cur, err := readCurrent(dir)
	if err != nil {
		return err
	}
	states, _ := filepath.Glob(filepath.Join(dir, "state-*.db"))
	for _, path := range states {
		if filepath.Base(path) != cur.name || cur.mark != markClean {
			if err := p.garble(path, true); err != nil {
				return err
			}
		}
	}
	temporary, _ := filepath.Glob(filepath.Join(dir, "*.tmp"))
	inner, _ := filepath.Glob(filepath.Join(dir, nameSnapshots, "*.tmp", "*"))
	for _, path := range slices.Concat(temporary, inner) {
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() {
			if err := p.garble(path, true); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, nameCurrent+".tmp"), []byte("state-"), 0o600)
}

// garble makes of a file what lost writes make of it: pages of zero, a shorter
// file, or no file.
func (p *power) garble(path string, mayVanish bool) error {
	if mayVanish && p.rng.IntN(4) == 0 {
		return os.Remove(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(data) > 0 && p.rng.IntN(2) == 0 {
		data = data[:p.rng.IntN(len(data))]
	}
	for at := 0; at < len(data); at += 4096 {
		if p.rng.IntN(2) == 0 {
			copy(data[at:min(at+4096, len(data))], bytes.Repeat([]byte{0}, 4096))
		}
	}
	return os.WriteFile(path, data, 0o600)
}
