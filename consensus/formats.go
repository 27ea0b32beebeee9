package consensus

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

// Format is one format of what is kept on disk or handed to people, with its
// numbers in this program.
type Format struct {
	Name string
	// Where it is found, below the directory it is in.
	Where string
	// Writes is the number written, Reads the oldest that is still read.
	Writes, Reads int
}

// FoundFormat is a Format beside what a directory has.
type FoundFormat struct {
	Format
	// Found is the number in the directory, 0 where there is none of it or it
	// is not looked for; Note says why.
	Found int
	Note  string
}

// Readable says that this program can use what was found.
func (f FoundFormat) Readable() bool {
	return f.Found == 0 || f.Reads <= f.Found && f.Found <= f.Writes
}

// Formats are those of consensus. A number rises with every change that a
// program of before could not read; whatever rises, dirFormat rises with it,
// since it is read before anything else is. The command level rises by a command,
// while a mesh runs; it is refused where it is met, and dirFormat stays.
func Formats() []Format {
	return []Format{
		{"raft directory", nameVersion, dirFormat, 1},
		{"log index", nameLog + "/" + nameIndex, indexFormat(), 1},
		{"log entry", nameLog + "/*.wal", entryFormat, 1},
		{"state", "state-*.db", stateFormat, 1},
		{"snapshot", nameSnapshots, stateFormat, 1},
		{"command level", nameSnapshots, Level, 1},
		{"backup", "what `meshd backup` writes", backupFormat, 1},
	}
}

// indexFormat is the digit at the end of the magic.
func indexFormat() int { return int(indexMagic[len(indexMagic)-1] - '0') }

// FindFormats says which formats a raft directory has. It changes nothing and
// needs no lock: a node may run on it.
func FindFormats(dir string) ([]FoundFormat, error) {
	version, err := findVersion(filepath.Join(dir, nameVersion))
	if err != nil {
		return nil, err
	}
	index, err := findIndex(filepath.Join(dir, nameLog, nameIndex))
	if err != nil {
		return nil, err
	}
	state, level, err := findSnapshots(filepath.Join(dir, nameSnapshots))
	if err != nil {
		return nil, err
	}
	var out []FoundFormat
	for _, f := range Formats() {
		found := FoundFormat{Format: f}
		switch f.Name {
		case "raft directory":
			found.Found = version
		case "log index":
			found.Found = index
		case "snapshot":
			found.Found = state
		case "command level":
			found.Found = level
		case "log entry":
			found.Note = "not looked at: a node stops before an entry it cannot read"
		case "state":
			found.Note = "not looked at: it is rebuilt from snapshot and log where it cannot be read"
		case "backup":
			continue
		}
		if found.Found == 0 && found.Note == "" {
			found.Note = "none yet"
		}
		out = append(out, found)
	}
	return out, nil
}

func findVersion(path string) (int, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the format of the raft directory: %w", err)
	}
	word, _, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	v, err := strconv.Atoi(word)
	if err != nil || v < 1 {
		return 0, fmt.Errorf("%s does not hold a format number", path)
	}
	return v, nil
}

func findIndex(path string) (int, error) {
	start, err := beginning(path, len(indexMagic))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the log's index: %w", err)
	}
	name, digit := start[:len(start)-1], start[len(start)-1]
	if !strings.HasPrefix(indexMagic, name) || digit < '1' || digit > '9' {
		return 0, fmt.Errorf("%s is not the index of a log", path)
	}
	return int(digit - '0'), nil
}

func beginning(path string, n int) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b := make([]byte, n)
	_, err = io.ReadFull(f, b)
	return string(b), err
}

// findSnapshots returns the highest format and level of the snapshots that can
// be read so far.
func findSnapshots(dir string) (format, level int, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "state.bin"))
	if err != nil {
		return 0, 0, err
	}
	for _, path := range files {
		if strings.HasSuffix(filepath.Dir(path), ".tmp") {
			continue
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a running node has just let go of it
		}
		if err != nil {
			return 0, 0, fmt.Errorf("reading a snapshot: %w", err)
		}
		r := hashReader{bufio.NewReader(f), sha256.New()}
		magic := make([]byte, len(snapshotMagic))
		if _, err := io.ReadFull(r, magic); err == nil && string(magic) == snapshotMagic {
			if head, err := r.field(1 << 16); err == nil {
				n, l := numbersOf(head)
				format, level = max(format, int(n)), max(level, int(l))
			}
		}
		f.Close()
	}
	return format, level, nil
}

// anyFields reads records of programs to come, which may have more fields.
var anyFields = must(cbor.DecOptions{IndefLength: cbor.IndefLengthForbidden, MaxNestedLevels: 64}.DecMode())

// numbersOf are format and level of a state's own record, whatever else is in
// it; zero where it is no such record.
func numbersOf(record []byte) (format, level uint32) {
	var m struct {
		Format uint32 `cbor:"1,keyasint"`
		Level  uint32 `cbor:"6,keyasint"`
	}
	if anyFields.Unmarshal(record, &m) != nil {
		return 0, 0
	}
	return m.Format, m.Level
}

// tooNew refuses a state's own record of a newer program by a sentence, before
// fields that this one does not know make it look damaged.
func tooNew(record []byte) error {
	if format, level := numbersOf(record); format > stateFormat || level > Level {
		return fmt.Errorf("a snapshot of format %d and level %d, this program knows %d and %d, upgrade this node: %w", format, level, stateFormat, Level, ErrNewer)
	}
	return nil
}
