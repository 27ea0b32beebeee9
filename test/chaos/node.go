//go:build linux

package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/meshd/meshd/test/chaos/fabric"
)

const port = 7443

// seat is how a node stands to the mesh, as far as the harness knows.
type seat string

const (
	spare    seat = "spare"   // belongs to no mesh
	joining  seat = "joining" // may have been admitted
	member   seat = "member"
	leaving  seat = "leaving"  // may have left
	removing seat = "removing" // may have been removed
)

// node is one place for a meshd: a host with a data directory. What runs there
// may be removed and begin anew under another name.
type node struct {
	run  *runner
	host *fabric.Host
	disk *fabric.Disk // nil: it shares the machine's

	mu       sync.Mutex
	name     string
	number   int // incarnations of the data directory
	seat     seat
	busy     bool // a fault has it in hand
	paused   bool
	stopping bool // its end is wanted
	token    string
	moves    int
	cmd      *exec.Cmd
	done     chan struct{}
	log      *os.File
}

// data is its directory, as it sees it itself: on its own disk if it has one.
func (n *node) data() string {
	if n.disk != nil {
		return filepath.Join(n.run.dir, n.host.Name+".disk", n.name)
	}
	return filepath.Join(n.run.dir, n.name)
}

// file is the path by which the harness sees a file of its directory.
func (n *node) file(name string) string { return n.host.Outside(filepath.Join(n.data(), name)) }

// Name is its name in the mesh.
func (n *node) Name() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.name
}

func (n *node) is() seat {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.seat
}

func (n *node) become(s seat) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seat = s
}

func (n *node) running() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.alive()
}

func (n *node) alive() bool {
	if n.cmd == nil {
		return false
	}
	select {
	case <-n.done:
		return false
	default:
		return true
	}
}

// start runs the verb that suits the node's seat: init for the founder's first
// life, join with its token for one that may not be a member yet, else serve.
func (n *node) start(extra ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.alive() {
		return nil
	}
	args := []string{"serve"}
	switch n.seat {
	case joining:
		args = []string{"join", "--token-file", n.token, "--timeout", "60s", "--name", n.name}
	case spare:
		args = []string{"init", "--name", n.name}
	}
	args = append(append(args, "--data", n.data(), "--listen", ":7443", "--log-format", "json"), extra...)
	if n.log == nil {
		var err error
		if n.log, err = os.OpenFile(filepath.Join(n.run.dir, n.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
	}
	fmt.Fprintf(n.log, "--- %s %v\n", n.run.now().Round(time.Millisecond), args)
	cmd := exec.Command(n.run.cfg.Binary, args...)
	cmd.Stdout, cmd.Stderr = n.log, n.log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.run.dir, "GOMAXPROCS=2", "GOTRACEBACK=all"}
	if err := n.host.Start(cmd); err != nil {
		return err
	}
	done := make(chan struct{})
	n.cmd, n.done, n.paused, n.stopping = cmd, done, false, false
	go func() {
		_ = cmd.Wait()
		close(done)
		n.ended(cmd)
	}()
	return nil
}

// ended judges an end that nobody asked for.
func (n *node) ended(cmd *exec.Cmd) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopping || n.cmd != cmd || n.run.closing() {
		return
	}
	n.run.event("%s ended by itself as %s: %s", n.name, n.seat, cmd.ProcessState)
	if n.seat == member {
		n.run.problem("exit", "%s ended by itself: %s", n.name, cmd.ProcessState)
	}
}

// kill ends the process as a power switch would.
func (n *node) kill() {
	n.mu.Lock()
	cmd, done, alive := n.cmd, n.done, n.alive()
	n.stopping = true
	n.mu.Unlock()
	if !alive {
		return
	}
	_ = cmd.Process.Kill()
	<-done
}

// stop ends the process cleanly; after 20 seconds, for which it has promised 10,
// it is killed and reported.
func (n *node) stop() {
	n.mu.Lock()
	cmd, done, alive := n.cmd, n.done, n.alive()
	n.stopping = true
	n.mu.Unlock()
	if !alive {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		n.run.problem("hang", "%s did not end within 20 s of SIGTERM", n.Name())
		_ = cmd.Process.Signal(syscall.SIGQUIT) // its log gets the stacks
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			n.kill()
		}
	}
}

func (n *node) pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.alive() {
		n.paused = n.cmd.Process.Signal(syscall.SIGSTOP) == nil
	}
}

func (n *node) resume() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.alive() && n.paused {
		_ = n.cmd.Process.Signal(syscall.SIGCONT)
		n.paused = false
	}
}

// renew makes the place one of a machine that was never in the mesh: another
// name, an empty directory.
func (n *node) renew() {
	n.kill()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.log != nil {
		n.log.Close()
		n.log = nil
	}
	if err := os.RemoveAll(n.file("")); err != nil {
		n.run.problem("harness", "%v", err)
	}
	n.number++
	n.name = fmt.Sprintf("%s-%d", n.host.Name, n.number)
	n.seat, n.token = spare, ""
}

// dial connects to the node and proves that its key is the one in its
// directory. The error is errNotSent: nothing was asked yet.
func (n *node) dial(ctx context.Context) (net.Conn, error) {
	pin, err := n.pin()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	raw, err := n.host.Dial(ctx, port)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	c := tls.Client(raw, &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // the pin takes the place of an authority
		NextProtos: []string{"http/1.1"},
		VerifyConnection: func(s tls.ConnectionState) error {
			if sum := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo); !bytes.Equal(sum[:], pin) {
				return errors.New("another key than the pin's")
			}
			return nil
		},
	})
	if err := c.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	return c, nil
}

func (n *node) pin() ([]byte, error) {
	n.mu.Lock()
	path := n.file("identity/node.crt")
	n.mu.Unlock()
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, errors.New("node.crt is no PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return sum[:], nil
}
