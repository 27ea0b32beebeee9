//go:build linux

package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	device = "mesh0"
	// mtu is far above Ethernet's, since each packet costs this process two
	// system calls.
	mtu = 9000
)

// Host is one namespace. Its methods are safe for concurrent use.
type Host struct {
	Name   string
	index  int
	fabric *Fabric
	addr   netip.Addr // guarded by fabric.mu
	tun    *os.File
	jobs   chan func() // run on the thread that lives in the namespace
	gone   chan struct{}
	tid    int // of that thread
	disk   *Disk
}

// Addr is the host's address now.
func (h *Host) Addr() netip.Addr {
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	return h.addr
}

// open makes the namespace. Its thread is never given back to the runtime: it
// ends with its goroutine, and with it the processes that it started.
func (h *Host) open() error {
	h.jobs, h.gone = make(chan func()), make(chan struct{})
	made := make(chan error, 1)
	go func() {
		defer close(h.gone)
		runtime.LockOSThread()
		err := h.build()
		made <- err
		if err != nil {
			return
		}
		for job := range h.jobs {
			job()
		}
	}()
	return <-made
}

func (h *Host) build() error {
	h.tid = unix.Gettid()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("%w: a namespace is refused: %w", ErrUnsupported, err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("%w: mounts of its own are refused: %w", ErrUnsupported, err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("%w: /dev/net/tun: %w", ErrUnsupported, err)
	}
	req, err := unix.NewIfreq(device)
	if err == nil {
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	}
	if err != nil {
		unix.Close(fd)
		return fmt.Errorf("%w: a TUN device is refused: %w", ErrUnsupported, err)
	}
	h.tun = os.NewFile(uintptr(fd), "tun")
	for _, line := range []string{
		"link set lo up", "addr add " + h.addr.String() + "/16 dev " + device,
		fmt.Sprintf("link set %s mtu %d up", device, mtu), "route add default dev " + device,
	} {
		if err := ip(line); err != nil {
			h.tun.Close()
			return err
		}
	}
	return nil
}

// ip runs the ip command in the namespace of the calling thread.
func ip(line string) error {
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%w: there is no ip command", ErrUnsupported)
	}
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", line, err, out)
	}
	return nil
}

// do runs job on the host's thread.
func (h *Host) do(job func()) error {
	done := make(chan struct{})
	select {
	case h.jobs <- func() { job(); close(done) }:
		<-done
		return nil
	case <-h.fabric.closed:
		return net.ErrClosed
	}
}

// SetAddr gives the host another address at once; connections of the old one
// are left hanging, as on a machine that moved.
func (h *Host) SetAddr(a netip.Addr) error {
	var err error
	if e := h.do(func() {
		for _, line := range []string{
			"addr flush dev " + device, "addr add " + a.String() + "/16 dev " + device, "route replace default dev " + device,
		} {
			if err == nil {
				err = ip(line)
			}
		}
	}); e != nil {
		return e
	}
	if err != nil {
		return err
	}
	h.fabric.mu.Lock()
	defer h.fabric.mu.Unlock()
	h.addr = a
	h.fabric.route()
	return nil
}

// Start starts a process on the host. It ends with the fabric at the latest.
func (h *Host) Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var err error
	if e := h.do(func() { err = cmd.Start() }); e != nil {
		return e
	}
	return err
}

// Dial connects to a port of the host from the host itself: no disturbance
// touches the connection.
func (h *Host) Dial(ctx context.Context, port int) (net.Conn, error) {
	var (
		c   net.Conn
		err error
	)
	d := net.Dialer{Timeout: time.Second}
	if e := h.do(func() { c, err = d.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port)) }); e != nil {
		return nil, e
	}
	return c, err
}

func (h *Host) read() {
	buf := make([]byte, mtu+100)
	for {
		n, err := h.tun.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-h.fabric.closed:
				return
			case <-time.After(10 * time.Millisecond): // the device is down for a moment
				continue
			}
		}
		h.fabric.carry(h, buf[:n])
	}
}

// deliver may fail: a packet to a device that is not up is lost.
func (h *Host) deliver(p []byte) { _, _ = h.tun.Write(p) }

func (h *Host) close() {
	close(h.jobs)
	<-h.gone
	h.tun.Close()
}
