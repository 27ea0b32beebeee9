package realmesh

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// Wires are the network between nodes: each advertises an address behind which
// Wires listens, so that what nodes say to each other can be held up, in each
// direction apart. What tests and operators say to a node goes past them.
//
// A wire that is cut holds bytes back until it is whole again, as TCP does over
// a network that loses every packet; a connection that begins meanwhile waits
// too. Who dialled is told from the system's table of sockets, so this needs
// Linux, and no rights. Safe for concurrent use.
type Wires struct {
	t     testing.TB
	mu    sync.Mutex
	ends  []*end
	state map[[2]*Node]Wire
	news  chan struct{} // closed at the next change
	work  sync.WaitGroup
	over  chan struct{}
}

// Wire is what befalls bytes on their way from one node to another.
type Wire struct {
	Cut bool
	// Loss is how much of what is sent comes a retransmission (200 ms) late,
	// and holds up what is behind it: 0 to 1.
	Loss float64
	// Delay of everything.
	Delay time.Duration
}

type end struct {
	node *Node
	ln   net.Listener
}

// NewWires skips the test on systems without /proc.
func NewWires(t testing.TB) *Wires {
	t.Helper()
	if _, err := os.Stat("/proc/self/net/tcp"); err != nil {
		t.Skipf("who dialled cannot be told here: %v", err)
	}
	w := &Wires{t: t, state: map[[2]*Node]Wire{}, news: make(chan struct{}), over: make(chan struct{})}
	t.Cleanup(func() {
		close(w.over)
		w.mu.Lock()
		for _, e := range w.ends {
			e.ln.Close()
		}
		w.mu.Unlock()
		w.work.Wait()
	})
	return w
}

// New is a node whose peers reach it by wire.
func (w *Wires) New(name string) *Node {
	w.t.Helper()
	n := New(w.t, name)
	ln, err := net.Listen("tcp", FreeAddress(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	n.Flags = append(n.Flags, "--advertise", ln.Addr().String())
	e := &end{n, ln}
	w.mu.Lock()
	w.ends = append(w.ends, e)
	w.mu.Unlock()
	w.work.Go(func() { w.accept(e) })
	return n
}

// Mesh makes a mesh of n nodes and waits until three of them vote.
func (w *Wires) Mesh(n int) []*Node {
	w.t.Helper()
	nodes := []*Node{w.New("n1")}
	nodes[0].Found()
	token := nodes[0].Token("--uses", "20")
	for len(nodes) < n {
		x := w.New(fmt.Sprintf("n%d", len(nodes)+1))
		x.Start("join", token)
		nodes = append(nodes, x)
	}
	for _, x := range nodes {
		x.WaitServing()
	}
	Formed(w.t, 30*time.Second, nodes...)
	Eventually(w.t, 30*time.Second, "three voters", func() error { return Voters(nodes[0], min(n, 3)) })
	return nodes
}

// Set makes the wires between nodes of two sides what is said, in the direction
// from one to the other.
func (w *Wires) Set(wire Wire, from, to []*Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range from {
		for _, b := range to {
			if a != b {
				w.state[[2]*Node{a, b}] = wire
			}
		}
	}
	w.changed()
}

// Split cuts every wire between two sides, both ways.
func (w *Wires) Split(a, b []*Node) {
	w.Set(Wire{Cut: true}, a, b)
	w.Set(Wire{Cut: true}, b, a)
}

// Heal makes all wires whole.
func (w *Wires) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.state)
	w.changed()
}

func (w *Wires) changed() {
	close(w.news)
	w.news = make(chan struct{})
}

// wait returns once the wire in one direction is not cut, and both directions
// where a connection is to be made; false where the test is over.
func (w *Wires) wait(from, to *Node, both bool) (Wire, bool) {
	for {
		w.mu.Lock()
		is, news := w.state[[2]*Node{from, to}], w.news
		cut := is.Cut || both && w.state[[2]*Node{to, from}].Cut
		w.mu.Unlock()
		if !cut {
			return is, true
		}
		select {
		case <-news:
		case <-w.over:
			return Wire{}, false
		}
	}
}

func (w *Wires) accept(e *end) {
	for {
		in, err := e.ln.Accept()
		if err != nil {
			return
		}
		w.work.Go(func() { w.carry(in, e.node) })
	}
}

// carry connects a dialler with a node until one of them ends the connection.
func (w *Wires) carry(in net.Conn, to *Node) {
	defer in.Close()
	from := w.owner(in)
	if _, ok := w.wait(from, to, true); !ok {
		return
	}
	out, err := net.DialTimeout("tcp", to.Address, 5*time.Second)
	if err != nil {
		// A port without a listener refuses; an accepted connection can only
		// be reset.
		_ = in.(*net.TCPConn).SetLinger(0)
		return
	}
	defer out.Close()
	done := make(chan struct{}, 2)
	for _, way := range []struct {
		r, w     net.Conn
		from, to *Node
	}{{in, out, from, to}, {out, in, to, from}} {
		w.work.Go(func() {
			w.copy(way.w, way.r, way.from, way.to)
			done <- struct{}{}
		})
	}
	select {
	case <-done:
	case <-w.over:
	}
}

func (w *Wires) copy(dst io.Writer, src io.Reader, from, to *Node) {
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			is, ok := w.wait(from, to, false)
			if !ok {
				return
			}
			late := is.Delay
			if is.Loss > 0 && rand.Float64() < is.Loss {
				late += 200 * time.Millisecond
			}
			if late > 0 {
				select {
				case <-time.After(late):
				case <-w.over:
					return
				}
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			// The end of a connection is a packet as well.
			w.wait(from, to, false)
			return
		}
	}
}

// owner is the node whose process holds the other end of a connection; nil
// where it is none of ours.
func (w *Wires) owner(c net.Conn) *Node {
	peer, self := c.RemoteAddr().(*net.TCPAddr), c.LocalAddr().(*net.TCPAddr)
	inode := inodeOf(peer, self)
	if inode == "" {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.ends {
		dir := fmt.Sprintf("/proc/%d/fd", e.node.pid.Load())
		fds, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if link, err := os.Readlink(dir + "/" + fd.Name()); err == nil && link == "socket:["+inode+"]" {
				return e.node
			}
		}
	}
	return nil
}

// inodeOf finds a connection between two IPv4 addresses of this machine in
// proc(5)'s table, where addresses are words in the byte order of the machine:
// the usual, little-endian one is expected.
func inodeOf(local, remote *net.TCPAddr) string {
	table, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		return ""
	}
	hex := func(a *net.TCPAddr) string {
		ip := a.IP.To4()
		return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], a.Port)
	}
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 9 && f[1] == hex(local) && f[2] == hex(remote) {
			return f[9]
		}
	}
	return ""
}
