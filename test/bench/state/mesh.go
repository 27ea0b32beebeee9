package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startMesh makes a mesh of three on loopback with default settings.
func startMesh(s settings) (*cluster, error) {
	meshd := filepath.Join(s.bin, "meshd")
	c := &cluster{name: "meshd", targets: []string{"http", "ws"}, bin: s.bin}
	data := func(i int) string { return filepath.Join(s.dir, "meshd"+strconv.Itoa(i)) }
	serve := func(i int, p *process, verb ...string) {
		p.start = func() *exec.Cmd {
			args := append(verb, "--data", data(i), "--listen", p.address)
			if verb[0] != "serve" {
				args = append(args, "--name", p.name)
			}
			return exec.Command(meshd, args...)
		}
	}
	for i, name := range []string{"alpha", "beta", "gamma"} {
		p := &process{name: name, address: "127.0.0.1:" + strconv.Itoa(17443+i), log: data(i) + ".log"}
		c.processes = append(c.processes, p)
		if i == 0 {
			serve(i, p, "init")
		} else {
			out, err := exec.Command(meshd, "token", "create", "--json", "--data", data(0)).Output()
			var made struct{ Token string }
			if err = errors.Join(err, json.Unmarshal(out, &made)); err != nil {
				return c, fmt.Errorf("making a token: %w", err)
			}
			serve(i, p, "join", made.Token)
		}
		if err := p.run(); err != nil {
			return c, err
		}
		if err := waitFor(20*time.Second, func() error {
			return exec.Command(meshd, "status", "--json", "--data", data(i)).Run()
		}); err != nil {
			return c, fmt.Errorf("%s does not serve: %w", name, err)
		}
		serve(i, p, "serve") // from now on
	}
	key := filepath.Join(data(0), "admin.key")
	secret, err := os.ReadFile(key)
	if err != nil {
		return c, err
	}
	c.access = []string{"-key", key}
	ask := asker(strings.TrimSpace(string(secret)))
	c.lead = func() (int, error) {
		var last error
		for _, p := range c.processes {
			if p.cmd == nil {
				continue
			}
			var status struct{ Leader *struct{ Name string } }
			if last = ask(p, "/status", &status); last != nil {
				continue
			}
			for i, p := range c.processes {
				if status.Leader != nil && status.Leader.Name == p.name && p.cmd != nil {
					return i, nil
				}
			}
			last = errors.New("no leader")
		}
		return 0, last
	}
	c.logged = func(p *process) (float64, error) { return metric(ask, p, "meshd_consensus_entry_bytes_sum") }
	c.count = func(p *process) (int, error) {
		var stats struct {
			Nodes int `json:"nodes"`
			Total int `json:"node_count"`
		}
		err := ask(p, "/graph/stats?session_id=bench&consistency=linearizable", &stats)
		return max(stats.Nodes, stats.Total), err
	}
	// Three voters, or the mesh would have it easier.
	return c, waitFor(40*time.Second, func() error {
		var members []struct{ Role string }
		if err := ask(c.processes[0], "/members", &members); err != nil {
			return err
		}
		voters := 0
		for _, m := range members {
			if m.Role == "voter" {
				voters++
			}
		}
		if voters != 3 {
			return fmt.Errorf("%d voters", voters)
		}
		return nil
	})
}

func waitFor(timeout time.Duration, cond func() error) (err error) {
	for end := time.Now().Add(timeout); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = cond(); err == nil {
			return nil
		}
	}
	return err
}

type ask func(p *process, path string, v any) error

func asker(secret string) ask {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // processes of our own on loopback
	}}
	return func(p *process, path string, v any) error {
		req, err := http.NewRequest(http.MethodGet, "https://"+p.address+path, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %d %s %w", path, res.StatusCode, data, err)
		}
		if text, ok := v.(*string); ok {
			*text = string(data)
			return nil
		}
		return json.Unmarshal(data, v)
	}
}

// metric reads one figure of /metrics.
func metric(get ask, p *process, name string) (float64, error) {
	var text string
	if err := get(p, "/metrics", &text); err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("there is no figure %s", name)
}
