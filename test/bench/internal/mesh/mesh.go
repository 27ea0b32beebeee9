// Package mesh starts a mesh of real meshd processes on loopback, with default
// settings, for a benchmark to ask.
package mesh

import (
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

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// names of the nodes; a mesh has as many as are asked for.
var names = []string{"alpha", "beta", "gamma"}

// Mesh is a running mesh. It belongs to one goroutine.
type Mesh struct {
	Processes []*proc.Process
	// KeyFile holds Key, an administrator's.
	KeyFile, Key string
	dirs         []string
	ask          func(p *proc.Process, path string, v any) error
}

// Start makes a mesh of n nodes (1 to 3), all of them voters, from the program
// bin, with its data under dir. What is returned is to be stopped, also beside
// an error.
func Start(bin, dir string, n int) (*Mesh, error) {
	m := &Mesh{}
	for i, name := range names[:n] {
		data := filepath.Join(dir, "meshd-"+name)
		address, err := FreeAddress()
		if err != nil {
			return m, err
		}
		p := &proc.Process{Name: name, Address: address, Log: data + ".log"}
		serve := func(verb ...string) {
			p.Start = func() *exec.Cmd {
				args := append(verb, "--data", data, "--listen", address)
				if verb[0] != "serve" {
					args = append(args, "--name", name)
				}
				return exec.Command(bin, args...)
			}
		}
		serve("init")
		if i > 0 {
			out, err := exec.Command(bin, "token", "create", "--json", "--data", m.dirs[0]).Output()
			var made struct{ Token string }
			if err = errors.Join(err, json.Unmarshal(out, &made)); err != nil {
				return m, fmt.Errorf("making a token: %w", err)
			}
			serve("join", made.Token)
		}
		if err := p.Run(); err != nil {
			return m, err
		}
		m.Processes, m.dirs = append(m.Processes, p), append(m.dirs, data)
		if err := WaitFor(20*time.Second, func() error {
			return exec.Command(bin, "status", "--json", "--data", data).Run()
		}); err != nil {
			return m, fmt.Errorf("%s does not serve: %w", name, err)
		}
		serve("serve") // from now on
	}
	m.KeyFile = filepath.Join(m.dirs[0], "admin.key")
	secret, err := os.ReadFile(m.KeyFile)
	if err != nil {
		return m, err
	}
	m.Key = strings.TrimSpace(string(secret))
	m.ask = asker(m.Key)
	// All voters, or the mesh would have it easier.
	return m, WaitFor(40*time.Second, m.allVote)
}

func (m *Mesh) allVote() error {
	var members []struct{ Role string }
	if err := m.Ask(m.Processes[0], "/members", &members); err != nil {
		return err
	}
	voters := 0
	for _, member := range members {
		if member.Role == "voter" {
			voters++
		}
	}
	if voters != len(m.Processes) {
		return fmt.Errorf("%d voters", voters)
	}
	return nil
}

// FreeAddress is an address on loopback that nobody listened at just now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Dir is the data directory of a node, where its local socket is too.
func (m *Mesh) Dir(i int) string { return m.dirs[i] }

// Stop ends all processes.
func (m *Mesh) Stop() {
	if m == nil {
		return
	}
	for _, p := range m.Processes {
		p.End(syscall.SIGTERM)
	}
}
