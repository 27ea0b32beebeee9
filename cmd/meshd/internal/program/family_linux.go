package program

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// endTime bounds the wait for processes that were killed: one that waits for a
// disk dies when the disk answers.
const endTime = 3 * time.Second

// family is all that runs because of this program: the children that it started,
// and what these started and left behind. On Linux whoever loses its parent
// becomes a child of this process (PR_SET_CHILD_SUBREAPER), also one that has
// made a session of its own, so nothing is lost from sight; it is reaped here,
// and ended with the instance that it was of. A child is killed when this
// process is (PR_SET_PDEATHSIG): the mesh gives its messages to another.
//
// There is one at a time in a process, and nobody else starts processes beside it.
type family struct {
	starts chan func()
	ended  chan os.Signal
	done   chan struct{}
	loops  sync.WaitGroup

	mu      sync.Mutex   // held to start, to reap and to look around
	started map[int]bool // by this family, and not waited for yet; or there before it
}

func newFamily() *family {
	f := &family{starts: make(chan func()), ended: make(chan os.Signal, 1), done: make(chan struct{}), started: map[int]bool{}}
	for pid, p := range processes() {
		if p.parent == os.Getpid() {
			f.started[pid] = true
		}
	}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // since Linux 3.4
	signal.Notify(f.ended, syscall.SIGCHLD)
	f.loops.Go(f.starting)
	f.loops.Go(f.reaping)
	return f
}

// starting starts children from one thread, which stays: the kernel takes the end
// of the thread that started a child for the death of its parent.
func (f *family) starting() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case start := <-f.starts:
			start()
		case <-f.done:
			return
		}
	}
}

// start starts a child.
func (f *family) start(cmd *exec.Cmd) (err error) {
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	ok := make(chan struct{})
	f.starts <- func() {
		defer close(ok)
		f.mu.Lock()
		defer f.mu.Unlock()
		if err = cmd.Start(); err == nil {
			f.started[cmd.Process.Pid] = true
		}
	}
	<-ok
	return err
}

// reaping waits for those that were left to this process, and ended.
func (f *family) reaping() {
	for {
		select {
		case <-f.ended:
			f.mu.Lock()
			for pid, p := range processes() {
				if p.zombie && p.parent == os.Getpid() && !f.started[pid] {
					reap(pid, unix.WNOHANG)
				}
			}
			f.mu.Unlock()
		case <-f.done:
			return
		}
	}
}

// gone ends what an instance has left behind, after its child was waited for, and
// says how many processes that were.
func (f *family) gone(pid, instance int) int {
	f.mu.Lock()
	delete(f.started, pid)
	f.mu.Unlock()
	return f.end(func(orphan int) bool { return isOf(orphan, instance) })
}

// close ends whatever is left, and lets go of the process.
func (f *family) close() int {
	n := f.end(func(int) bool { return true })
	signal.Stop(f.ended)
	close(f.done)
	f.loops.Wait()
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	return n
}

// end kills those that were left to this process and that mine names, with all
// their descendants, until there is none.
func (f *family) end(mine func(orphan int) bool) int {
	killed := map[int]bool{}
	for deadline := time.Now().Add(endTime); ; {
		f.mu.Lock()
		all := processes()
		var orphans []int
		for pid, p := range all {
			if p.parent == os.Getpid() && !f.started[pid] && (killed[pid] || p.zombie || mine(pid)) {
				orphans = append(orphans, pid)
			}
		}
		for doomed := orphans; len(doomed) > 0; {
			pid := doomed[0]
			doomed = doomed[1:]
			if !all[pid].zombie {
				killed[pid] = true
				_ = unix.Kill(pid, unix.SIGKILL)
			}
			for child, p := range all {
				if p.parent == pid {
					doomed = append(doomed, child)
				}
			}
		}
		f.mu.Unlock()
		if len(orphans) == 0 || time.Now().After(deadline) {
			return len(killed)
		}
		// Their ends make orphans of those below them.
		dead := make(chan struct{})
		go func() {
			defer close(dead)
			for _, pid := range orphans {
				reap(pid, 0)
			}
		}()
		late := time.NewTimer(time.Until(deadline))
		select {
		case <-dead:
		case <-late.C:
		}
		late.Stop()
	}
}

// reap waits for a child that is not of os/exec.
func reap(pid, options int) {
	for {
		if _, err := unix.Wait4(pid, nil, options, nil); err != unix.EINTR {
			return
		}
	}
}

// process is what /proc says of one.
type process struct {
	parent int
	zombie bool
}

// processes are all that this one can see.
func processes() map[int]process {
	all := map[int]process{}
	names, _ := os.ReadDir("/proc")
	for _, e := range names {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// PID (NAME) STATE PPID …, where NAME may be anything.
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if err != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(string(fields[1])); err == nil {
			all[pid] = process{parent: parent, zombie: fields[0][0] == 'Z'}
		}
	}
	return all
}

// isOf says whether a process has the environment of an instance. One that has
// made another for itself ends with the last instance.
func isOf(pid, instance int) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err == nil && bytes.Contains(append([]byte{0}, env...), []byte("\x00"+instanceName+"="+strconv.Itoa(instance)+"\x00"))
}
