package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// cluster is three servers of one kind: A, where clients send; B, where they
// receive; and the third.
type cluster struct {
	name      string
	processes []*proc.Process
	access    []string // the load generator's arguments to get in
}

func (c *cluster) stop() {
	for _, p := range c.processes {
		p.End(syscall.SIGTERM)
	}
}

// measured is what one run of the load generator came to.
type measured struct {
	Ops        int64
	Errors     int64
	FirstFail  string `json:"first_error"`
	Seconds    float64
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`
	LoadCPU    float64 `json:"load_cpu_seconds"`
	Sent       int64
	Received   int64
	Duplicates int64
	Disordered int64
	Consumed   int64
	PacedAt    int `json:"paced_at"`

	op        string
	serverCPU float64 // seconds of all three
	anonymous int64   // bytes a connection, of node A
}

func (m measured) rate() float64 { return float64(m.Ops) / m.Seconds }

// cpu is microseconds of all servers an operation.
func (m measured) cpu() float64     { return m.serverCPU / float64(m.Ops) * 1e6 }
func (m measured) loadCPU() float64 { return m.LoadCPU / float64(m.Ops) * 1e6 }

// lost is the part of what was sent that nobody received.
func (m measured) lost() float64 { return float64(m.Sent-m.Received) / float64(max(1, m.Sent)) }

func (m measured) consumed() float64 { return float64(m.Consumed) / m.Seconds }

func (m measured) String() string {
	if m.op == "idle" {
		return fmt.Sprintf("%d connections, %.1f KiB each, made at %.0f/s", m.Ops, float64(m.anonymous)/1024, m.rate())
	}
	text := fmt.Sprintf("%8.0f/s  p50 %.3f ms  p99 %.2f ms  CPU µs each: servers %.2f, clients %.2f", m.rate(), m.P50, m.P99, m.cpu(), m.loadCPU())
	if m.Sent > 0 {
		text += fmt.Sprintf("  sent %d, received %d (%.2f%% lost, %d twice, %d out of order), had %.0f/s", m.Sent, m.Received, 100*m.lost(), m.Duplicates, m.Disordered, m.consumed())
	}
	if m.Errors > 0 {
		text += fmt.Sprintf("  %d failed, the first: %s", m.Errors, m.FirstFail)
	}
	return text
}

// measure runs one cell and reads beside it what the servers used.
func (c *cluster) measure(s settings, w way) (m measured, err error) {
	var addresses []string
	for _, p := range c.processes {
		addresses = append(addresses, p.Address)
	}
	peers := s.peers
	if w.op == "idle" {
		peers = s.idle
	}
	args := []string{"-target", c.name, "-addresses", strings.Join(addresses, ","), "-op", w.op, "-size", strconv.Itoa(s.size), "-peers", strconv.Itoa(peers),
		"-warm", s.warm.String(), "-measure", s.measure.String(), "-retention", s.retention}
	cmd := exec.Command(filepath.Join(s.bin, "messages-load"), append(append(args, c.access...), w.args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	in, err := cmd.StdinPipe()
	if err != nil {
		return m, err
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return m, err
	}
	_, before, _ := proc.Memory(c.processes[0].PID())
	if err := cmd.Start(); err != nil {
		return m, err
	}
	var cpu [2]float64
	sample := func(i int) {
		for _, p := range c.processes {
			cpu[i] += proc.CPUSeconds(p.PID())
		}
	}
	var after int64
	for lines := bufio.NewReader(out); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		switch string(line) {
		case "begin\n":
			sample(0)
		case "end\n":
			sample(1)
		case "ready\n":
			time.Sleep(s.measure) // the garbage of connecting goes
			_, after, _ = proc.Memory(c.processes[0].PID())
			_ = in.Close()
		default:
			if err := json.Unmarshal(line, &m); err != nil {
				return m, err
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		return m, fmt.Errorf("%w: %s", err, strings.TrimSpace(said.String()))
	}
	if m.Ops == 0 {
		return m, fmt.Errorf("nothing was done while it was measured; in all %d were sent and %d received, %d failed: %s", m.Sent, m.Received, m.Errors, m.FirstFail)
	}
	m.op, m.serverCPU, m.anonymous = w.op, cpu[1]-cpu[0], (after-before)<<10/m.Ops
	return m, nil
}

func (c *cluster) printMemory(w io.Writer) {
	for _, p := range c.processes {
		rss, anon, peak := proc.Memory(p.PID())
		fmt.Fprintf(w, "%s %s: resident %d MiB, of it anonymous %d MiB, at most %d MiB\n", c.name, p.Name, rss>>10, anon>>10, peak>>10)
	}
}
