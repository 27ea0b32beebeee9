package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meshd/meshd/test/bench/internal/loopback"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// startEtcd makes a cluster of three on loopback with default settings and TLS
// for clients and between peers, who show certificates to each other as nodes
// of a mesh do. It asks its clients for no credential.
func startEtcd(s settings) (*cluster, error) {
	c := &cluster{name: "etcd", targets: []string{"etcd"}, bin: s.bin}
	cert, key := filepath.Join(s.dir, "etcd.crt"), filepath.Join(s.dir, "etcd.key")
	if err := loopback.Certify(cert, key); err != nil {
		return c, err
	}
	c.access = []string{"-ca", cert}
	var peers []string
	for i := range 3 {
		peers = append(peers, fmt.Sprintf("e%d=https://127.0.0.1:%d", i, 17480+i))
	}
	for i := range 3 {
		name, address, peer := "e"+strconv.Itoa(i), "127.0.0.1:"+strconv.Itoa(17470+i), "127.0.0.1:"+strconv.Itoa(17480+i)
		data := filepath.Join(s.dir, name)
		p := &proc.Process{Name: name, Address: address, Log: data + ".log", Start: func() *exec.Cmd {
			return exec.Command(filepath.Join(s.bin, "server"), "--name", name, "--data-dir", data,
				"--listen-client-urls", "https://"+address, "--advertise-client-urls", "https://"+address,
				"--listen-peer-urls", "https://"+peer, "--initial-advertise-peer-urls", "https://"+peer,
				"--initial-cluster", strings.Join(peers, ","), "--log-level", "warn",
				"--cert-file", cert, "--key-file", key,
				"--peer-cert-file", cert, "--peer-key-file", key, "--peer-trusted-ca-file", cert, "--peer-client-cert-auth")
		}}
		c.processes = append(c.processes, p)
		if err := p.Run(); err != nil {
			return c, err
		}
	}
	ask := newEtcdAsker()
	c.lead = func() (int, error) { return ask.leader(c.processes) }
	c.logged, c.count = ask.logged, ask.count
	return c, c.wait()
}
