package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/loopback"
	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// natsConfig is default settings but for what must be alike: TLS everywhere, of
// clients by WebSocket and mutual between the servers, and an fsync of the
// stream before it answers. NATS asks its clients for no credential.
const natsConfig = `server_name: %s
listen: "%s"
http: "%s"
jetstream { store_dir: "%s", sync_interval: always }
websocket {
  listen: "%s"
  tls { cert_file: "%s", key_file: "%s" }
}
cluster {
  name: bench
  listen: "%s"
  tls { cert_file: "%s", key_file: "%s", ca_file: "%s", verify: true }
  routes: [%s]
}
`

// startNATS makes a cluster of three on loopback.
func startNATS(s settings) (*cluster, error) {
	c := &cluster{name: "nats"}
	cert, key := filepath.Join(s.dir, "nats.crt"), filepath.Join(s.dir, "nats.key")
	if err := loopback.Certify(cert, key); err != nil {
		return c, err
	}
	c.access = []string{"-ca", cert}
	var free []string
	for range 12 {
		address, err := mesh.FreeAddress()
		if err != nil {
			return c, err
		}
		free = append(free, address)
	}
	var routes []string
	for i := range 3 {
		routes = append(routes, `"nats-route://`+free[9+i]+`"`)
	}
	for i := range 3 {
		name := fmt.Sprintf("n%d", i)
		data := filepath.Join(s.dir, name)
		conf := fmt.Sprintf(natsConfig, name, free[i], free[3+i], data, free[6+i], cert, key, free[9+i], cert, key, cert, strings.Join(routes, ", "))
		if err := os.WriteFile(data+".conf", []byte(conf), 0o600); err != nil {
			return c, err
		}
		p := &proc.Process{Name: name, Address: free[6+i], Log: data + ".log", Start: func() *exec.Cmd {
			return exec.Command(filepath.Join(s.bin, "nats-server"), "-c", data+".conf")
		}}
		c.processes = append(c.processes, p)
		if err := p.Run(); err != nil {
			return c, err
		}
	}
	// All three take clients, and have a leader of their assets.
	return c, mesh.WaitFor(40*time.Second, func() error {
		var last error
		for i, p := range c.processes {
			conn, err := tls.Dial("tcp", p.Address, &tls.Config{InsecureSkipVerify: true}) // a process of our own on loopback
			if err != nil {
				return err
			}
			_ = conn.Close()
			last = errors.Join(last, healthy(free[3+i]))
		}
		return last
	})
}

// healthy asks a server whether it and its part of JetStream are in order.
func healthy(monitor string) error {
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get("http://" + monitor + "/healthz")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("NATS at %s is not healthy: %s", monitor, res.Status)
	}
	return nil
}
