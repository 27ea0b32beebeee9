package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node"
)

const (
	// lowDisk is the free space below which a node is about to refuse writes.
	lowDisk = 512 << 20
	// oldest is before any build of this program: a clock before it was
	// never set.
	oldest = 2025
)

// checkDirectory looks at the data directory: there, ours, private, whole,
// unused, on a disk with room.
func checkDirectory(dir string) []checkBody {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []checkBody{{Name: "directory", Text: dir + " does not exist", Next: "make a node with \"meshd init\" or \"meshd join TOKEN\", or name its directory with --data"}}
	case err != nil:
		return []checkBody{{Name: "directory", Text: "it cannot be looked at: " + err.Error(), Next: "run this as the node's owner"}}
	case !info.IsDir():
		return []checkBody{{Name: "directory", Text: dir + " is not a directory", Next: "name another with --data"}}
	}
	checks := []checkBody{checkOwner(dir, info)}
	if _, err := os.Stat(filepath.Join(dir, "trust")); errors.Is(err, fs.ErrNotExist) {
		check := checkBody{Name: "mesh", Text: dir + " belongs to no mesh", Next: "make one with \"meshd init\", or join one with \"meshd join TOKEN\""}
		if node.Unfinished(dir) == nil && node.LostTrust(dir) != nil {
			check.Text, check.Next = dir+" holds a replica of a mesh but no trust file", "put the file trust back from a backup, or clear the directory with \"meshd reset\""
		}
		checks = append(checks, check)
	}
	checks = append(checks, checkLock(dir))
	if free, err := freeSpace(dir); err == nil {
		c := checkBody{Name: "disk", OK: free >= lowDisk, Text: output.Bytes(int64(min(free, 1<<62))) + " are free"}
		if !c.OK {
			c.Next = "make room: a node refuses writes before its disk is full"
		}
		checks = append(checks, c)
	}
	return checks
}

// checkOwner tries what the node will do: write in the directory, and keep
// others out of it.
func checkOwner(dir string, info fs.FileInfo) checkBody {
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		return checkBody{Name: "permissions", Text: fmt.Sprintf("others may write to %s (mode %04o)", dir, info.Mode().Perm()), Next: "run: chmod 700 " + dir}
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return checkBody{Name: "permissions", Text: "this user cannot write to " + dir, Next: "run the node as the directory's owner, or name another with --data"}
	}
	f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return checkBody{Name: "permissions", Text: "this user cannot delete in " + dir, Next: "run the node as the directory's owner, or name another with --data"}
	}
	return checkBody{Name: "permissions", OK: true, Text: dir + " is ours"}
}

func checkLock(dir string) checkBody {
	held, err := lockHeld(filepath.Join(dir, "LOCK"))
	switch {
	case err != nil:
		return checkBody{Name: "lock", Text: "it cannot be looked at: " + err.Error(), Next: "run this as the node's owner"}
	case held:
		return checkBody{Name: "lock", Text: "a process holds the directory but does not answer", Next: "it may be starting, stopping or stuck: look at its log, then stop it"}
	}
	return checkBody{Name: "lock", OK: true, Text: "no process uses the directory"}
}

// checkPort tries to listen where the node will.
func checkPort(ctx context.Context, address string) checkBody {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return checkBody{Name: "port", Text: address + " cannot be listened on: " + err.Error(), Next: "stop what uses it, or choose another with --listen"}
	}
	l.Close()
	return checkBody{Name: "port", OK: true, Text: address + " is free"}
}

func checkClock() checkBody {
	now := time.Now()
	if now.Year() < oldest {
		return checkBody{Name: "clock", Text: "it says " + now.Format(time.DateTime), Next: "set the clock; tokens and certificates depend on it"}
	}
	return checkBody{Name: "clock", OK: true, Text: "it says " + now.Format(time.DateTime)}
}
