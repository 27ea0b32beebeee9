package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// newest is the last of the files that the pattern names in a node's directory.
func newest(t testing.TB, n *realmesh.Node, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(n.Data, pattern))
	if err != nil || len(list) == 0 {
		t.Fatalf("%s has no %s: %v", n.Name, pattern, err)
	}
	return list[len(list)-1]
}

// A bit that flipped on one node's disk while it was down: the node mends
// itself or ends with a sentence about the file; the others write on, nothing
// spreads and nothing is lost (F6).
func TestF6FlippedBitOfOneNode(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	victim := nodes[2]
	l := newLedger(t, "f6", nodes[0], nodes[1])
	l.start(2, 6)
	l.more(50, 30*time.Second)
	for _, c := range []struct {
		file  string // the newest of the pattern
		stops bool   // the node may end instead of mending itself
		said  string // what its log has then
	}{
		{file: "raft/log/*.wal", said: "set aside"},
		{file: "raft/log/index", said: "set aside"},
		{file: "raft/raft.id"},
		{file: "raft/CURRENT"},
		{file: "raft/state-*.db"},
		{file: "raft/VERSION", stops: true, said: "VERSION"},
		{file: "trust", stops: true, said: "trust"},
	} {
		stop(t, victim)
		path := newest(t, victim, c.file)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := bytes.Clone(data)
		end := len(bytes.TrimRight(damaged, "\x00")) // segments are made longer than they are full
		damaged[end/2] ^= 0x40
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		l.more(5, 30*time.Second)
		victim.Start("serve")
		ended := false
		realmesh.Eventually(t, 30*time.Second, "it serves or ends after damage to "+c.file, func() error {
			if !victim.Running() {
				ended = true
				return nil
			}
			_, err := victim.Status()
			return err
		})
		if ended != c.stops {
			t.Errorf("%s: ended %v\n%s", c.file, ended, lastLines(victim.LastLog(), 8))
		}
		if c.said != "" {
			says(t, victim.LastLog(), c.said)
		}
		if ended {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			victim.Start("serve")
		}
		victim.WaitServing()
		realmesh.Eventually(t, 60*time.Second, "it has caught up after damage to "+c.file, func() error {
			mine, err := victim.Status()
			if err != nil {
				return err
			}
			theirs, err := nodes[0].Status()
			if err == nil && (mine.Leader == nil || mine.Revision+50 < theirs.Revision) {
				err = fmt.Errorf("at revision %d of %d, leader %v", mine.Revision, theirs.Revision, mine.Leader)
			}
			return err
		})
	}
	l.finish(nodes...)
	says(t, victim.Run("doctor").Stdout, "the same content")
}

// The only node of a mesh has nobody to fetch its state from: it refuses, says
// what to do, and touches nothing.
func TestF6SoleNodeRefusesItsDamagedLog(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "solo")
	n.Found()
	n.Kill()
	path := newest(t, n, "raft/log/*.wal")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(bytes.TrimRight(data, "\x00"))
	data[end/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	ends(t, n, failed, "damaged", "meshd recover")
	data[end/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	n.WaitServing()
}

// Its replica gone, the only node of a mesh does not pretend to wait for peers.
func TestSoleNodeWithoutItsReplicaSaysSo(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "solo")
	n.Found()
	stop(t, n)
	raft := filepath.Join(n.Data, "raft")
	if err := os.Rename(raft, raft+".away"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.Start("serve")
		ends(t, n, failed, "is gone", "backup")
	}
	if err := os.Rename(raft+".away", raft); err != nil {
		t.Fatal(err)
	}
	n.Start("serve")
	n.WaitServing()
}

// Pages of a running node's state turn to nonsense: it says so, opens its state
// anew in the same process, and answers right.
func TestF6StateThatBreaksUnderARunningNode(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	l := newLedger(t, "f6run", nodes...)
	l.start(3, 66)
	l.more(100, 30*time.Second)
	for _, victim := range nodes {
		pid := victim.PID()
		path := newest(t, victim, "raft/state-*.db")
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fi, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		page := bytes.Repeat([]byte{0x5a}, os.Getpagesize())
		for at := int64(2 * len(page)); at < fi.Size(); at += int64(len(page)) {
			if _, err := f.WriteAt(page, at); err != nil {
				t.Fatal(err)
			}
		}
		f.Close()
		realmesh.Eventually(t, 30*time.Second, "the state is opened anew", func() error {
			if !victim.Running() || victim.PID() != pid {
				return fmt.Errorf("the process has ended: %s", lastLines(victim.LastLog(), 5))
			}
			if !strings.Contains(victim.LastLog(), "the state is open again") {
				return errors.New("not yet")
			}
			s, err := victim.Status()
			if err == nil && s.Leader == nil {
				err = errors.New("no leader")
			}
			return err
		})
		l.more(50, 30*time.Second)
	}
	l.finish(nodes...)
}

// The disk of one node is full: it takes no writes, the mesh goes on, and when
// there is room it mends itself without a restart (F7).
func TestF7FullDisk(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=160m", "meshd-test", small).CombinedOutput(); err != nil {
		t.Skipf("a small file system needs root: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", small).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	nodes := []*realmesh.Node{realmesh.New(t, "alpha"), realmesh.New(t, "beta"), realmesh.New(t, "gamma")}
	victim := nodes[0] // the founder: it leads
	victim.Data = filepath.Join(small, "data")
	victim.Found()
	nodes[1].Join(victim)
	nodes[2].Join(victim)
	realmesh.Formed(t, 20*time.Second, nodes...)
	t.Cleanup(victim.Kill) // before the file system goes
	l := newLedger(t, "f7", nodes...)
	l.start(3, 7)
	l.more(50, 30*time.Second)
	pid := victim.PID()
	filler, err := os.Create(filepath.Join(small, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for block := make([]byte, 1<<20); ; {
		if _, err := filler.Write(block); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	realmesh.Eventually(t, 60*time.Second, "another leads", func() error {
		s, err := nodes[1].Status()
		if err == nil && (s.Leader == nil || s.Leader.Name == victim.Name) {
			err = fmt.Errorf("leader %v", s.Leader)
		}
		return err
	})
	l.more(100, 60*time.Second)
	if !victim.Running() {
		t.Fatalf("it has ended:\n%s", lastLines(victim.LastLog(), 8))
	}
	if err := filler.Truncate(0); err != nil {
		t.Fatal(err)
	}
	realmesh.Eventually(t, 60*time.Second, "it takes part again", func() error {
		if victim.PID() != pid || !victim.Running() {
			return errors.New("the process has ended")
		}
		mine, err := victim.Status()
		if err != nil {
			return err
		}
		theirs, err := nodes[1].Status()
		if err == nil && (mine.Leader == nil || mine.Revision+50 < theirs.Revision) {
			err = fmt.Errorf("at revision %d of %d: %v", mine.Revision, theirs.Revision, mine.Problems)
		}
		return err
	})
	l.more(50, 30*time.Second)
	l.finish(nodes...)
}
