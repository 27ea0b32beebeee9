package roster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/meshd/meshd/consensus"
)

// Formats are those of the trust file and of join tokens.
func Formats() []consensus.Format {
	return []consensus.Format{
		{Name: "trust", Where: trustName, Writes: trustFormat, Reads: 1},
		{Name: "join token", Where: "what `meshd token create` prints", Writes: tokenVersion, Reads: 1},
	}
}

// FindTrustFormat is the format of the trust file of a data directory, 0
// where there is none.
func FindTrustFormat(dir string) (int, error) {
	path := filepath.Join(dir, trustName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the trust file: %w", err)
	}
	defer f.Close()
	head := make([]byte, len(trustMagic)+4)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(trustMagic)]) != trustMagic {
		return 0, fmt.Errorf("%s is no trust file", path)
	}
	return int(binary.BigEndian.Uint32(head[len(trustMagic):])), nil
}
