package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxFile bounds what is read from a file of the identity; a certificate with
// hundreds of names stays far below.
const maxFile = 256 << 10

// ensureDir makes the directory, or closes an existing one to others. A volume
// of another owner is taken as it is unless everybody may write to it, since
// then anybody could replace the key.
func ensureDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("the identity's directory cannot be made: %w", err)
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("the identity's directory cannot be read: %w", err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil && info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("everybody may write to %s, where private keys would lie: run: chmod 700 %s", dir, dir)
	}
	return nil
}

// readPrivate reads a file that only its owner may be able to read. A missing
// file is fs.ErrNotExist.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("the private key %s may be read or changed by other users (mode %04o): run: chmod 600 %s", path, mode, path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes and is not what meshd wrote there", path, info.Size())
	}
	return os.ReadFile(path)
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// WriteFile replaces a file, 0600, so that after a crash or a power loss either
// the old or the new one is there, whole; the new one once it has returned.
func WriteFile(path string, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // 0600 by itself
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("writing %s: %w", path, err)
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // a directory cannot be opened for syncing there
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
