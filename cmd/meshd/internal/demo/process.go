// Package demo shows a mesh at work on one machine: three real nodes as three
// processes on loopback, joined by a real token, loaded with real data, with a
// leader killed on the way. It is not a simulation: everything it says it did,
// it did through the doors that users have, and it fails if any of it fails.
package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
)

// process is one node of the demo.
type process struct {
	name, data, address string
	binary              string
	cmd                 *exec.Cmd
	ended               chan struct{}
	client              *caller.Client
}

// freeAddress finds a loopback address to listen on. It stays the node's own
// through its restarts.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// start runs a verb that serves. Its log goes to a file beside the data; what
// it prints to standard output comes back as lines.
func (p *process) start(verb string, args ...string) (<-chan string, error) {
	log, err := os.OpenFile(p.data+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	all := append([]string{verb}, args...)
	all = append(all, "--data", p.data, "--listen", p.address, "--log-level", "warn")
	if verb != "serve" {
		all = append(all, "--name", p.name)
	}
	cmd := exec.Command(p.binary, all...)
	cmd.Stderr = log
	cmd.Env = environment()
	cmd.SysProcAttr = ownGroup()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	lines := make(chan string, 64)
	ended := make(chan struct{})
	p.cmd, p.ended = cmd, ended
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			select {
			case lines <- s.Text():
			default: // nobody reads any more
			}
		}
		close(lines)
		_ = cmd.Wait()
		close(ended)
	}()
	return lines, nil
}

// environment keeps the demo's nodes apart from what configures another node
// on this machine.
func environment() []string {
	var out []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MESHD_") {
			out = append(out, e)
		}
	}
	return out
}

// kill ends the process as a power switch would.
func (p *process) kill() {
	if p.running() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// stop ends the process cleanly, or else after five seconds.
func (p *process) stop() {
	if !p.running() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		p.kill()
	}
}

func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// lastWords is the end of a node's log, for the error that stops the demo.
func (p *process) lastWords() string {
	data, _ := os.ReadFile(p.data + ".log")
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-3):], " / ")
}

// founded is what init prints that the demo needs.
type founded struct {
	APIKey string `json:"api_key"`
	Token  string `json:"token"`
	Node   struct {
		Pin string `json:"pin"`
	} `json:"node"`
}

// found starts the first node and returns the key and the token it made.
func (p *process) found(ctx context.Context) (f founded, err error) {
	lines, err := p.start("init", "--json", "--mesh-name", "demo")
	if err != nil {
		return f, err
	}
	select {
	case line, ok := <-lines:
		if !ok {
			return f, fmt.Errorf("%s ended: %s", p.name, p.lastWords())
		}
		return f, json.Unmarshal([]byte(line), &f)
	case <-ctx.Done():
		return f, ctx.Err()
	case <-time.After(20 * time.Second):
		return f, errors.New("the first node did not start within 20 s: " + p.lastWords())
	}
}

// step is a line that join prints.
type step struct {
	Step string `json:"step"`
	Text string `json:"text"`
}

// join starts a node with a token and hands each proof to tell until it has
// joined.
func (p *process) join(ctx context.Context, token string, tell func(string)) error {
	file := filepath.Join(filepath.Dir(p.data), p.name+".token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return err
	}
	defer os.Remove(file)
	lines, err := p.start("join", "--json", "--token-file", file)
	if err != nil {
		return err
	}
	deadline := time.After(60 * time.Second)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return fmt.Errorf("%s ended: %s", p.name, p.lastWords())
			}
			var s step
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				return err
			}
			tell(s.Text)
			if s.Step == "joined" {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return fmt.Errorf("%s did not join within a minute: %s", p.name, p.lastWords())
		}
	}
}
