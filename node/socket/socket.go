// Package socket is the door for the local operator: a Unix socket whose file
// permission is the credential. It decides where the socket of a data
// directory lies, so that the node that listens and the command that connects
// agree.
//
// It is not a protocol: what is spoken over the connections is HTTP, written
// elsewhere. Processes of the same user, and of the socket's group, are trusted
// with everything the operator may do.
//
// The socket lies in the data directory as meshd.sock. Where that path is too
// long for an address (108 bytes with its end on Linux, 104 elsewhere), or
// where a group shall reach it past the private data directory, it lies under
// the runtime directory with a name made from the data directory's path, and
// the file "socket" in the data directory holds its path.
package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

const (
	name    = "meshd.sock"
	pointer = "socket"
	// longest leaves room below the smallest limit of any system.
	longest = 100
)

// Listen opens the socket of a data directory, for its owner only or for a
// group besides, and removes what an earlier process has left behind. Hold the
// data directory's lock: without it this takes the socket from a running node.
// Closing the listener removes the socket.
func Listen(dataDir, group string) (net.Listener, error) {
	path, err := place(dataDir, group)
	if err != nil {
		return nil, err
	}
	gid, mode := -1, fs.FileMode(0o600)
	if group != "" {
		if gid, err = groupID(group); err != nil {
			return nil, err
		}
		mode = 0o660
	}
	if err := clear(path); err != nil {
		return nil, err
	}
	if err := announce(dataDir, path, gid); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("opening the local socket: %w", err)
	}
	// Until this line only the directory keeps others away; both are private.
	if err := errors.Join(os.Chmod(path, mode), giveToGroup(path, gid)); err != nil {
		return nil, fmt.Errorf("setting who may use the local socket: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// clear removes a socket that nobody listens on any more. Anything else that
// stands in its place is left alone.
func clear(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("looking for an old socket: %w", err)
	case info.Mode()&fs.ModeSocket == 0:
		return fmt.Errorf("%s stands where the local socket belongs and is no socket; move it away", path)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("removing an old socket: %w", err)
	}
	return nil
}

// announce makes the socket's directory and leaves the pointer to it, or takes
// an old pointer away.
func announce(dataDir, path string, gid int) error {
	at := filepath.Join(dataDir, pointer)
	if path == filepath.Join(dataDir, name) {
		if err := os.Remove(at); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old pointer to the socket: %w", err)
		}
		return nil
	}
	if err := private(filepath.Dir(path), gid); err != nil {
		return err
	}
	if err := os.WriteFile(at, []byte(path+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing where the socket is: %w", err)
	}
	return nil
}

// private makes dir, or makes sure that nobody else could have put something
// there: a runtime directory may lie where others can write.
func private(dir string, gid int) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the directory of the local socket: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("looking at the directory of the local socket: %w", err)
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || !ownedByUs(info) {
		return fmt.Errorf("%s is not a directory that only this user can write to; remove it, or choose a shorter --data", dir)
	}
	if gid < 0 {
		return nil
	}
	if err := errors.Join(giveToGroup(dir, gid), os.Chmod(dir, info.Mode().Perm()|0o710)); err != nil {
		return fmt.Errorf("opening %s to the group: %w", dir, err)
	}
	return nil
}
