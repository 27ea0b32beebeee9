package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// startEtcd makes a cluster of three on loopback with default settings and TLS
// for clients and between peers, who show certificates to each other as nodes
// of a mesh do. It asks its clients for no credential.
func startEtcd(s settings) (*cluster, error) {
	c := &cluster{name: "etcd", targets: []string{"etcd"}, bin: s.bin}
	cert, key := filepath.Join(s.dir, "etcd.crt"), filepath.Join(s.dir, "etcd.key")
	if err := certify(cert, key); err != nil {
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

// certify makes one certificate that is its own authority, for loopback.
func certify(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
		return err
	}
	if err := os.WriteFile(certFile, out.Bytes(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600)
}
