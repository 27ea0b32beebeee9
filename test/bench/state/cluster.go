package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// cluster is three servers of one kind.
type cluster struct {
	name      string
	targets   []string // how it can be asked
	processes []*proc.Process
	// lead finds the leader's index among the processes, asking any that runs.
	lead func() (int, error)
	// access are the load generator's arguments to get in.
	access []string
	// logged says how many bytes the leader has handed to its log.
	logged func(*proc.Process) (float64, error)
	// count says how many keys a node has.
	count func(*proc.Process) (int, error)
	bin   string
	keys  string
}

func (c *cluster) stop() {
	for _, p := range c.processes {
		p.End(syscall.SIGTERM)
	}
}

func (c *cluster) restart() error {
	for _, p := range c.processes {
		if err := p.Run(); err != nil {
			return err
		}
	}
	return c.wait()
}

func (c *cluster) wait() error {
	var err error
	for end := time.Now().Add(40 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, err = c.lead(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s has no leader: %w", c.name, err)
}

// place returns the leader, or the first that is not.
func (c *cluster) place(at string) (*proc.Process, error) {
	i, err := c.lead()
	if err != nil {
		return nil, err
	}
	if at == follower {
		i = (i + 1) % len(c.processes)
	}
	return c.processes[i], nil
}

type loadArgs struct {
	target, op, at string
	clients        int
	warm, measure  time.Duration
	begin, end     func()
}

// measured is what one run of the load generator came to.
type measured struct {
	Ops       int64
	Errors    int64
	FirstFail string `json:"first_error"`
	Seconds   float64
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Checked   int
	Wrong     int
	LoadCPU   float64 `json:"load_cpu_seconds"`

	serverCPU     float64 // seconds
	logBytes      float64
	written       float64 // bytes that went towards the disk, of all three
	opsForWriting float64
}

func (m measured) rate() float64 { return float64(m.Ops) / m.Seconds }
func (m measured) cpu() float64  { return m.serverCPU / float64(m.Ops) * 1000 }

func (c *cluster) load(s settings, a loadArgs) (m measured, err error) {
	p, err := c.place(a.at)
	if err != nil {
		return m, err
	}
	args := append([]string{"-target", a.target, "-address", p.Address, "-op", a.op, "-keys", c.keys, "-count", strconv.Itoa(s.keys), "-size", strconv.Itoa(s.size),
		"-clients", strconv.Itoa(a.clients), "-warm", a.warm.String(), "-measure", a.measure.String(), "-conns", strconv.Itoa(s.conns)}, c.access...)
	cmd := exec.Command(filepath.Join(c.bin, "load"), args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return m, err
	}
	if err := cmd.Start(); err != nil {
		return m, err
	}
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		switch string(line) {
		case "begin\n":
			a.begin()
		case "end\n":
			a.end()
		default:
			if err := json.Unmarshal(line, &m); err != nil {
				return m, err
			}
		}
	}
	return m, cmd.Wait()
}

// measure runs one cell and reads beside it what the servers used.
func (c *cluster) measure(s settings, cell cell, target string) (measured, error) {
	lead, err := c.place(leader)
	if err != nil {
		return measured{}, err
	}
	var cpu, logged, written [2]float64
	sample := func(i int) func() {
		return func() {
			for _, p := range c.processes {
				cpu[i] += proc.CPUSeconds(p.PID())
				written[i] += proc.WriteBytes(p.PID())
			}
			logged[i], _ = c.logged(lead)
		}
	}
	m, err := c.load(s, loadArgs{target, cell.op, cell.at, cell.clients, s.warm, s.measure, sample(0), sample(1)})
	if err != nil {
		return m, err
	}
	if m.Errors > 0 || m.Wrong > 0 || m.Ops == 0 {
		return m, fmt.Errorf("%d operations, %d failed (%s), %d of %d values read back were wrong", m.Ops, m.Errors, m.FirstFail, m.Wrong, m.Checked)
	}
	m.serverCPU, m.logBytes, m.written = cpu[1]-cpu[0], logged[1]-logged[0], written[1]-written[0]
	m.opsForWriting = float64(m.Ops * int64(cell.per))
	return m, nil
}

// verify counts the keys on every node; each run has read back what it wrote.
func (c *cluster) verify(s settings) error {
	for _, p := range c.processes {
		n, err := c.count(p)
		if err != nil {
			return err
		}
		if n != s.keys {
			return fmt.Errorf("%s has %d keys of %d", p.Name, n, s.keys)
		}
	}
	return nil
}

func (c *cluster) printMemory(w io.Writer) {
	for _, p := range c.processes {
		rss, anon, _ := proc.Memory(p.PID())
		fmt.Fprintf(w, "%s %s: resident %d MiB, of it anonymous %d MiB\n", c.name, p.Name, rss>>10, anon>>10)
	}
}
