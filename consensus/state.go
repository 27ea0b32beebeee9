package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// Limits of a key and a value of a table, from bbolt.
const (
	maxKey   = bbolt.MaxKeySize
	maxValue = 64 << 20
)

// Tables and keys of consensus itself.
const (
	tableMeta   Table = "sys/meta"
	tableOrigin Table = "sys/origin"
	tableIdem   Table = "sys/idem"
	tableIdemAt Table = "sys/idemat"
)

var (
	keyMeta   = []byte("m")
	sysTables = []Table{tableMeta, tableOrigin, tableIdem, tableIdemAt, tableStaged, tableStagedAt}
)

// meta is what the state says of itself; it is written in the transaction of
// the data it describes.
type meta struct {
	Format   uint32   `cbor:"1,keyasint"`
	Applied  uint64   `cbor:"2,keyasint"` // Raft index of the last entry in the state
	Term     uint64   `cbor:"3,keyasint"` // and its term
	Revision uint64   `cbor:"4,keyasint"`
	Time     int64    `cbor:"5,keyasint"` // unix ms, mesh time
	Level    uint32   `cbor:"6,keyasint"`
	Hash     [32]byte `cbor:"7,keyasint"` // rolling hash over all write sets
	Marker   uint64   `cbor:"8,keyasint"` // term of the last term marker
	IdemNext uint64   `cbor:"9,keyasint"` // sequence of the next idempotency record
	IdemLow  uint64   `cbor:"10,keyasint"`
	Content  content  `cbor:"11,keyasint"`
	Staged   uint64   `cbor:"12,keyasint,omitempty"` // bytes of chunks put aside
}

// stateFormat is the number of the state file's and the snapshot's format. 2
// added the checksum of each pair and the content's sum; a snapshot of 1 is
// still read.
const stateFormat = 2

// Level is the highest command level this program executes. A part may do more
// from a higher level on, and is told the one in force with each command.
//
//	1  the first
//	2  the graph keeps a change log and its history, and takes the operations
//	   that came with them
//	3  the graph takes what clients did while they were cut off, and keeps its
//	   conflicts, leases and settings
//	4  inboxes of durable messages, tasks, proposals
//	5  an inbox remembers what message an id was given to, and lets go at once of
//	   a large body whose message it refuses; a return says of which attempt;
//	   a proposal takes no votes after its time; clients that push to the graph
//	   are remembered by name, and can be forgotten; messages, tasks and
//	   proposals are counted to the principal that made them; agents are judged
//	   by tasks of others, and by deadlines that left them time; a name is
//	   released on the condition that its inbox is empty; an attempt of a task is
//	   begun once
const Level = 5

// firstLevel is that of a state nobody has raised.
const firstLevel = 1

// stateFile is one bbolt file. It is written without fsync: it is a cache of
// the log, and the open-time decision says when it may be believed.
type stateFile struct {
	db   *bbolt.DB
	path string
}

func openStateFile(path string, tables []Table) (*stateFile, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         time.Second,
		NoSync:          true,
		NoGrowSync:      true,
		NoFreelistSync:  true,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: initialMmap,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the state: %w", err)
	}
	s := &stateFile{db: db, path: path}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, t := range tables {
			if _, err := tx.CreateBucketIfNotExists([]byte(t)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("preparing the state: %w", err)
	}
	return s, nil
}

func readMeta(ts *tables) (meta, error) {
	m := meta{Format: stateFormat, Level: firstLevel}
	b := ts.table(tableMeta)
	if b == nil {
		return m, nil
	}
	data := b.get(keyMeta)
	if data == nil {
		return m, nil
	}
	if err := Decode(data, &m); err != nil {
		return m, fmt.Errorf("reading the state's own record: %w", err)
	}
	return m, nil
}

func (s *stateFile) size() int64 {
	fi, err := os.Stat(s.path)
	if err != nil {
		return 0
	}
	return fi.Size()
}

// mark is what CURRENT says of the state file it points to.
type mark string

const (
	markClean mark = "clean" // closed in order and synced
	markOpen  mark = "open"  // in use when the process ended
)

// bootTrial stands for a boot id while the file is being opened.
const bootTrial = "trial"

// current is the content of CURRENT: the state file in force, whether it was
// closed in order, and the boot in which it was opened ("" where unknown).
type current struct {
	name string
	mark mark
	boot string
}

func readCurrent(dir string) (current, error) {
	data, err := os.ReadFile(filepath.Join(dir, nameCurrent))
	if errors.Is(err, fs.ErrNotExist) {
		return current{}, nil
	}
	if err != nil {
		return current{}, fmt.Errorf("reading %s: %w", nameCurrent, err)
	}
	return parseCurrent(string(data)), nil
}

// parseCurrent takes anything it does not understand for "no state": the state
// can always be rebuilt.
func parseCurrent(text string) current {
	fields := strings.Fields(text)
	if len(fields) < 2 || len(fields) > 3 {
		return current{}
	}
	c := current{name: fields[0], mark: mark(fields[1])}
	var n uint64
	if _, err := fmt.Sscanf(c.name, "state-%d.db", &n); err != nil || c.name != stateName(n) {
		return current{}
	}
	if c.mark != markClean && c.mark != markOpen {
		return current{}
	}
	if len(fields) == 3 {
		c.boot = fields[2]
	}
	return c
}

func (c current) text() []byte { return fmt.Appendf(nil, "%s %s %s\n", c.name, c.mark, c.boot) }

// noteCurrent replaces CURRENT for this boot.
func noteCurrent(dir string, c current) error {
	path := filepath.Join(dir, nameCurrent)
	err := os.WriteFile(path+".tmp", c.text(), 0o600)
	if err == nil {
		err = os.Rename(path+".tmp", path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", nameCurrent, err)
	}
	return nil
}

func writeCurrent(dir string, c current) error {
	if err := writeFileSync(filepath.Join(dir, nameCurrent), c.text()); err != nil {
		return fmt.Errorf("writing %s: %w", nameCurrent, err)
	}
	return nil
}

func stateName(n uint64) string { return fmt.Sprintf("state-%d.db", n) }

// nextStateName is above every state file that is there.
func nextStateName(dir string) string {
	var high uint64
	names, _ := filepath.Glob(filepath.Join(dir, "state-*.db"))
	for _, path := range names {
		var n uint64
		if _, err := fmt.Sscanf(filepath.Base(path), "state-%d.db", &n); err == nil && n > high {
			high = n
		}
	}
	return stateName(high + 1)
}

// removeStatesBut deletes the state files that are not in force.
func removeStatesBut(dir, keep string) {
	names, _ := filepath.Glob(filepath.Join(dir, "state-*.db"))
	for _, path := range names {
		if filepath.Base(path) != keep {
			os.Remove(path)
		}
	}
}

// bootID names this boot of the machine: a state file that this boot wrote is
// whole in the page cache even if the process was killed. It is "" where the
// system has no such name.
func bootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

func be64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
