package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/roster"
	"github.com/meshd/meshd/node/tracing"
	"github.com/meshd/meshd/node/wire"
	"github.com/prometheus/client_golang/prometheus"
)

// The layout of the data directory.
const (
	identityDir = "identity"
	raftDir     = "raft"
)

// prepare opens what a node has before it belongs to a mesh: its directory,
// its identity, the trust file and the port, which is served from here on.
func prepare(cfg Config) (_ *Node, err error) {
	if cfg.Listen == "" {
		cfg.Listen = ":" + strconv.Itoa(DefaultPort)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	if cfg.Name, err = ownName(cfg.Name); err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Logger, registry: cfg.Registry, started: time.Now(), done: make(chan struct{}), tracer: tracing.New(cfg.TraceShare)}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if n.lock = cfg.lock; n.lock == nil {
		if n.lock, err = lockDir(cfg.Data); err != nil {
			return nil, err
		}
		if err := Unfinished(cfg.Data); err != nil {
			return nil, err
		}
	}
	if err := checkFormat(cfg.Data); err != nil {
		return nil, err
	}
	if err := clearSpool(cfg.Data); err != nil {
		return nil, fmt.Errorf("clearing what backups have left: %w", err)
	}
	if err := clearLeft(cfg.Data); err != nil {
		return nil, err
	}
	if n.listener, err = listen(cfg.Listen); err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(cfg.Listen)
	port := n.listener.Addr().(*net.TCPAddr).Port
	addresses, err := advertised(cfg.Advertise, host, port, routeSource())
	if err != nil {
		n.listener.Close()
		return nil, err
	}
	n.where.Store(&addresses)
	if _, err := os.Stat(filepath.Join(cfg.Data, identityDir, "node.crt")); errors.Is(err, os.ErrNotExist) && Belongs(cfg.Data) {
		n.listener.Close()
		return nil, fmt.Errorf("%s belongs to a mesh, but its identity is gone: put %s back from a backup, or clear the directory with `meshd reset` and join anew", cfg.Data, filepath.Join(cfg.Data, identityDir))
	}
	if n.id, err = identity.Open(filepath.Join(cfg.Data, identityDir), certificateHosts(cfg.Name, addresses)); err != nil {
		n.listener.Close()
		return nil, err
	}
	if n.trust, err = roster.OpenTrust(cfg.Data); err != nil {
		n.listener.Close()
		return nil, err
	}
	n.book = newAddressBook(n.trust, cfg.Peers)
	n.port, err = wire.New(wire.Config{
		Identity: n.id, Trust: n.book, HTTP: http.HandlerFunc(starting),
		Logger: n.log.With("part", "wire"), Version: cfg.Version, Registerer: n.registry,
		OnNewerRoster: n.newerRoster,
	})
	if err != nil {
		n.listener.Close()
		return nil, err
	}
	n.tasks.Go(func() {
		if err := n.port.Serve(n.listener); err != nil {
			n.stop(fmt.Errorf("the port failed: %w", err))
		}
	})
	n.log.Info("listening", "address", n.listener.Addr().String(), "node", n.id.ID().Short(),
		"fingerprint", n.id.Info().Fingerprint, "spki_sha256", n.id.Pin().String())
	return n, nil
}

// listen opens the port and says which flag helps when it cannot.
func listen(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		if isAddrInUse(err) {
			return nil, fmt.Errorf("port in use: another program listens on %s; choose another with --listen HOST:PORT (--listen :0 takes any free port)", address)
		}
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with --listen", address, err)
	}
	return ln, nil
}

// SetHandler gives the port its HTTP surface. Until then it answers 503.
func (n *Node) SetHandler(h http.Handler) { n.port.HandleHTTP(h) }

// starting answers clients that come before the surface is there.
func starting(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(`{"error":"this node is starting","code":"STARTING"}` + "\n"))
}

// certificateHosts are the names a client may know this node by.
func certificateHosts(name string, addresses []string) []string {
	hosts := []string{name}
	if h, err := os.Hostname(); err == nil {
		hosts = append(hosts, h)
	}
	for _, a := range addresses {
		if h, _, err := net.SplitHostPort(a); err == nil {
			hosts = append(hosts, h)
		}
	}
	return unite(64, hosts)
}

// ownName is the name the operator chose, or one made of the host's.
func ownName(chosen string) (string, error) {
	if chosen != "" {
		return roster.CleanName(chosen)
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("this host has no name: %w; give the node one with --name", err)
	}
	return roster.NameFromHost(host), nil
}

// newerRoster fetches the roster from a trusted peer that has a newer one.
func (n *Node) newerRoster(from identity.NodeID, revision uint64) {
	if revision <= n.trust.Revision() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := n.fetchRoster(ctx, from); err != nil {
		n.log.Debug("fetching a newer roster failed", "peer", from.Short(), "error", err)
	}
}

// URL is where a client on this machine or another finds the node.
func (n *Node) URL() string { return "https://" + n.addresses()[0] }

// Pin is the node's own key pin.
func (n *Node) Pin() identity.Pin { return n.id.Pin() }

// OnlyLoopback says that no other machine can reach this node as it listens.
func (n *Node) OnlyLoopback() bool {
	host, _, _ := net.SplitHostPort(n.cfg.Listen)
	ip, err := netip.ParseAddr(host)
	return onlyLoopback(n.addresses()) || (err == nil && ip.IsLoopback()) || host == "localhost"
}

// Port is the port that the node listens on.
func (n *Node) Port() int { return n.listener.Addr().(*net.TCPAddr).Port }

// addresses are where the mesh is told to dial this node, most promising first.
func (n *Node) addresses() []string { return *n.where.Load() }

// lookAround notices that this machine has another address than before, as a
// laptop has in another network, and says whether it has.
func (n *Node) lookAround() bool {
	host, _, _ := net.SplitHostPort(n.cfg.Listen)
	now, err := advertised(n.cfg.Advertise, host, n.Port(), routeSource())
	if err != nil || slices.Equal(now, n.addresses()) || onlyLoopback(now) {
		return false // offline is no new address
	}
	n.log.Info("this machine has another address", "was", n.addresses(), "is", now)
	n.where.Store(&now)
	if err := n.id.Reissue(certificateHosts(n.cfg.Name, now)); err != nil {
		n.log.Warn("the certificate was not issued anew", "error", err)
	}
	return true
}
