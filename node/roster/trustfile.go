package roster

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// The trust file: magic (8 bytes), format (4, big endian), SHA-256 over magic,
// format and payload (32), payload (the roster). The first 44 bytes mean the
// same in every format, so that damage is told from a newer format.
const (
	trustName   = "trust"
	trustTemp   = "trust.tmp"
	trustMagic  = "meshdtru"
	trustFormat = 1
	trustHead   = len(trustMagic) + 4 + sha256.Size
)

// ErrTrustNewer says that a newer meshd wrote the trust file.
var ErrTrustNewer = errors.New("it was written by a newer meshd; upgrade this node")

// ErrTrustDamaged says that the trust file is not what was written.
var ErrTrustDamaged = errors.New("it is damaged; move it away and run `meshd join TOKEN` on this data directory to be introduced to the mesh again")

func encodeTrust(r *Roster) []byte {
	payload := r.Encode()
	head := binary.BigEndian.AppendUint32([]byte(trustMagic), trustFormat)
	sum := trustSum(head, payload)
	return append(append(head, sum[:]...), payload...)
}

func trustSum(head, payload []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(head)
	h.Write(payload)
	h.Sum(sum[:0])
	return sum
}

func decodeTrust(data []byte) (*Roster, error) {
	if len(data) < trustHead || string(data[:len(trustMagic)]) != trustMagic {
		return nil, fmt.Errorf("%w (it does not begin as a trust file does)", ErrTrustDamaged)
	}
	head, sum, payload := data[:len(trustMagic)+4], data[len(trustMagic)+4:trustHead], data[trustHead:]
	if want := trustSum(head, payload); !bytes.Equal(sum, want[:]) {
		return nil, fmt.Errorf("%w (the checksum does not match)", ErrTrustDamaged)
	}
	switch format := binary.BigEndian.Uint32(head[len(trustMagic):]); {
	case format > trustFormat:
		return nil, fmt.Errorf("%w (format %d, this version reads %d)", ErrTrustNewer, format, trustFormat)
	case format < trustFormat:
		return nil, fmt.Errorf("%w (format %d was never written)", ErrTrustDamaged, format)
	}
	r, err := DecodeRoster(payload)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", ErrTrustDamaged, err.Error())
	}
	return r, nil
}

// ReadTrust returns the roster in the trust file of a data directory and leaves
// the directory alone, so that it may be one that a running node writes; without
// a file the roster is empty. Errors are those of OpenTrust.
func ReadTrust(dir string) (*Roster, error) {
	path := filepath.Join(dir, trustName)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &Roster{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the trust file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxRosterBytes+int64(trustHead)+1))
	if err != nil {
		return nil, fmt.Errorf("reading the trust file: %w", err)
	}
	r, err := decodeTrust(data)
	if err != nil {
		return nil, fmt.Errorf("trust file %s: %w", path, err)
	}
	return r, nil
}

// writeTrust replaces the file so that after a power loss there is the old or
// the new one, whole.
func writeTrust(dir string, r *Roster) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("writing the trust file in %s: %w", dir, err)
		}
	}()
	temp := filepath.Join(dir, trustTemp)
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(encodeTrust(r))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, filepath.Join(dir, trustName))
	}
	if err != nil {
		_ = os.Remove(temp) // the name is taken again by the next write
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename durable. Windows has no such call and needs none.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
