package consensus

import (
	"errors"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	"github.com/hashicorp/raft-wal/types"
)

// stalling is a disk whose syncs wait while it is held.
type stalling struct {
	*faulty
	gate sync.RWMutex
}

func (s *stalling) Create(dir, name string, size uint64) (types.WritableFile, error) {
	w, err := s.faulty.Create(dir, name, size)
	return &stallingFile{w, s}, err
}

func (s *stalling) OpenWriter(dir, name string) (types.WritableFile, error) {
	w, err := s.faulty.OpenWriter(dir, name)
	if err != nil {
		return nil, err
	}
	return &stallingFile{w, s}, nil
}

type stallingFile struct {
	types.WritableFile
	s *stalling
}

func (f *stallingFile) Sync() error {
	f.s.gate.RLock()
	defer f.s.gate.RUnlock()
	return f.WritableFile.Sync()
}

// What the followers hold and the leader's own disk does not is in nobody's
// state: with the leader's power it would be on too few disks.
func TestNothingCountsBeforeTheLeadersDiskHasIt(t *testing.T) {
	disks := map[string]*stalling{}
	_, _, nodes := mesh(t, 3, func(c *Config) {
		steady(c)
		if disks[c.Dir] == nil {
			disks[c.Dir] = &stalling{faulty: newFaulty()}
		}
		c.hooks.vfs = disks[c.Dir]
	})
	leader := leaderOf(t, nodes)
	leader.do(t, "set k old")
	eventually(t, 10*time.Second, "the leader's log runs ahead", leader.log.ahead.wanted.Load)
	disk := disks[leader.dir]
	disk.gate.Lock()
	before := leader.log.ahead.durable.Load()
	answered := make(chan error, 1)
	go func() {
		_, err := leader.try("set k new")
		answered <- err
	}()
	eventually(t, 10*time.Second, "all followers hold it", func() bool {
		for _, x := range others(nodes, leader) {
			if last, err := x.log.LastIndex(); err != nil || last <= before {
				return false
			}
		}
		return true
	})
	for range 30 { // Raft tells a commit after 50 to 100 ms by itself
		<-time.After(10 * time.Millisecond)
		select {
		case err := <-answered:
			t.Fatalf("answered (%v) before the leader's disk had it", err)
		default:
		}
		for _, x := range nodes {
			if v := x.get(t, ReadOptions{}, "k"); v != "old" {
				t.Fatalf("a state has %q before the leader's disk had it", v)
			}
		}
		for _, x := range others(nodes, leader) {
			if c := x.raft.CommitIndex(); c > before {
				t.Fatalf("a follower heard of commit %d, the leader's disk ends at %d", c, before)
			}
		}
	}
	disk.gate.Unlock()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	same(t, nodes)
}

func aheadLog(t *testing.T) (*raftLog, *stalling) {
	t.Helper()
	disk := &stalling{faulty: newFaulty()}
	l, err := openRaftLog(filepath.Join(t.TempDir(), "log"), disk, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.close() })
	l.ahead.wanted.Store(true)
	return l, disk
}

func command(index uint64) *raft.Log {
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: []byte("x")}
}

// A leader's commands are there for its followers at once; whatever could make
// them count for somebody else waits for the disk.
func TestWhatRunsAheadBindsNobody(t *testing.T) {
	for name, bind := range map[string]func(*raftLog) error{
		"a new term":         func(l *raftLog) error { return l.SetUint64(keyCurrentTerm, 7) },
		"a vote":             func(l *raftLog) error { return l.Set([]byte("LastVoteCand"), []byte("x")) },
		"another's entry":    func(l *raftLog) error { e := command(3); seal(e); return l.StoreLog(e) },
		"a configuration":    func(l *raftLog) error { e := command(3); e.Type = raft.LogConfiguration; return l.StoreLog(e) },
		"a suffix that goes": func(l *raftLog) error { return l.DeleteRange(2, 2) },
		"the end":            func(l *raftLog) error { return l.close() },
	} {
		t.Run(name, func(t *testing.T) {
			l, disk := aheadLog(t)
			disk.gate.Lock()
			for i := uint64(1); i <= 2; i++ {
				if err := l.StoreLog(command(i)); err != nil {
					t.Fatal(err)
				}
			}
			var got raft.Log
			if last, err := l.LastIndex(); err != nil || last != 2 {
				t.Errorf("the log ends at %d: %v", last, err)
			}
			if err := l.GetLog(2, &got); err != nil || got.Index != 2 {
				t.Errorf("the followers cannot be sent entry 2: %v", err)
			}
			bound := make(chan error, 1)
			go func() { bound <- bind(l) }()
			select {
			case err := <-bound:
				t.Errorf("it did not wait for the disk: %v", err)
			case <-time.After(50 * time.Millisecond):
			}
			if d := l.ahead.durable.Load(); d != 0 {
				t.Errorf("entry %d is called durable", d)
			}
			disk.gate.Unlock()
			if err := <-bound; err != nil {
				t.Error(err)
			}
		})
	}
}

// A disk that fails behind the leader's back ends the log, and who waited for
// it hears so.
func TestDiskThatFailsBehindTheLeader(t *testing.T) {
	l, disk := aheadLog(t)
	disk.gate.Lock()
	if err := l.StoreLog(command(1)); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- l.ahead.wait(1) }()
	disk.set(syscall.EIO)
	disk.gate.Unlock()
	// The first sync may have been under way; then the second entry fails.
	if err := l.StoreLog(command(2)); err == nil {
		err = l.ahead.wait(2)
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("waiting for the second entry: %v", err)
		}
	}
	<-l.failed
	<-waited
	if err := l.SetUint64(keyCurrentTerm, 7); !errors.Is(err, errLog) {
		t.Errorf("a new term on a failed log: %v", err)
	}
	if err := l.StoreLog(command(3)); !errors.Is(err, errLog) {
		t.Errorf("a further entry: %v", err)
	}
}
