package mesh

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/meshd/meshd/test/bench/internal/proc"
)

// WaitFor asks until cond says nil, and returns its last word.
func WaitFor(timeout time.Duration, cond func() error) (err error) {
	for end := time.Now().Add(timeout); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = cond(); err == nil {
			return nil
		}
	}
	return err
}

// Leader is the index of the leader among the processes, as any that runs
// tells it.
func (m *Mesh) Leader() (int, error) {
	last := errors.New("no node runs")
	for _, p := range m.Processes {
		if !p.Runs() {
			continue
		}
		var status struct{ Leader *struct{ Name string } }
		if last = m.Ask(p, "/status", &status); last != nil {
			continue
		}
		for i, p := range m.Processes {
			if status.Leader != nil && status.Leader.Name == p.Name && p.Runs() {
				return i, nil
			}
		}
		last = errors.New("no leader")
	}
	return 0, last
}

// Ask gets a path of one node on a connection of its own; v is what the JSON
// goes to, or a *string for the text.
func (m *Mesh) Ask(p *proc.Process, path string, v any) error { return m.ask(p, path, v) }

func asker(secret string) func(p *proc.Process, path string, v any) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // processes of our own on loopback
	}}
	return func(p *proc.Process, path string, v any) error {
		req, err := http.NewRequest(http.MethodGet, "https://"+p.Address+path, nil)
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

// Metric reads one figure of /metrics.
func (m *Mesh) Metric(p *proc.Process, name string) (float64, error) {
	var text string
	if err := m.Ask(p, "/metrics", &text); err != nil {
		return 0, err
	}
	return Figure(text, name)
}

// Figure finds a figure without labels in the text of Prometheus.
func Figure(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(strings.TrimSpace(rest), 64)
		}
	}
	return 0, fmt.Errorf("there is no figure %s", name)
}

// Disk is how many bytes of the disk each node's data takes.
func (m *Mesh) Disk() (bytes []int64) {
	for _, dir := range m.dirs {
		var sum int64
		_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil // gone meanwhile
			}
			if info, err := d.Info(); err == nil {
				if st, ok := info.Sys().(*syscall.Stat_t); ok {
					sum += st.Blocks * 512
				}
			}
			return nil
		})
		bytes = append(bytes, sum)
	}
	return bytes
}
