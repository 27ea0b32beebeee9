package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/loopback"
	"github.com/meshd/meshd/test/bench/internal/mesh"
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
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // processes of our own on loopback
	}}
	post := func(p *proc.Process, path, body string, v any) error {
		res, err := client.Post("https://"+p.Address+path, "application/json", strings.NewReader(body))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %d %s %w", path, res.StatusCode, data, err)
		}
		return json.Unmarshal(data, v)
	}
	c.lead = func() (int, error) {
		last := errors.New("no leader")
		for i, p := range c.processes {
			if !p.Runs() {
				continue
			}
			var status struct {
				Header struct {
					Member string `json:"member_id"`
				}
				Leader string
			}
			if err := post(p, "/v3/maintenance/status", "{}", &status); err != nil {
				last = err
			} else if status.Leader == status.Header.Member {
				return i, nil
			}
		}
		return 0, last
	}
	c.logged = func(p *proc.Process) (float64, error) {
		res, err := client.Get("https://" + p.Address + "/metrics")
		if err != nil {
			return 0, err
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			return 0, err
		}
		return mesh.Figure(string(data), "etcd_disk_wal_write_bytes_total")
	}
	c.count = func(p *proc.Process) (int, error) {
		var r struct{ Count string }
		// All keys, counted only: key and range_end of one zero byte.
		if err := post(p, "/v3/kv/range", `{"key":"AA==","range_end":"AA==","count_only":true}`, &r); err != nil {
			return 0, err
		}
		return strconv.Atoi(r.Count)
	}
	return c, c.wait()
}
