package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// etcdAsker asks the members of a cluster how they are, by the JSON gateway.
type etcdAsker struct{ client *http.Client }

func newEtcdAsker() etcdAsker {
	return etcdAsker{&http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // processes of our own on loopback
	}}}
}

// read takes a whole answer, which must be 200.
func (etcdAsker) read(res *http.Response, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", res.Request.URL.Path, res.StatusCode, data)
	}
	return data, err
}

func (a etcdAsker) post(p *proc.Process, path, body string, v any) error {
	data, err := a.read(a.client.Post("https://"+p.Address+path, "application/json", strings.NewReader(body)))
	if err != nil {
		return err
	}
	return json.Unmarshal(data, v)
}

// leader is the place of the member that leads, by its own word.
func (a etcdAsker) leader(members []*proc.Process) (int, error) {
	last := errors.New("no leader")
	for i, p := range members {
		if !p.Runs() {
			continue
		}
		var status struct {
			Header struct {
				Member string `json:"member_id"`
			}
			Leader string
		}
		if err := a.post(p, "/v3/maintenance/status", "{}", &status); err != nil {
			last = err
		} else if status.Leader == status.Header.Member {
			return i, nil
		}
	}
	return 0, last
}

// logged is how many bytes a member has written to its log.
func (a etcdAsker) logged(p *proc.Process) (float64, error) {
	data, err := a.read(a.client.Get("https://" + p.Address + "/metrics"))
	if err != nil {
		return 0, err
	}
	return mesh.Figure(string(data), "etcd_disk_wal_write_bytes_total")
}

// count is how many keys a member has.
func (a etcdAsker) count(p *proc.Process) (int, error) {
	var r struct{ Count string }
	// All keys, counted only: key and range_end of one zero byte.
	if err := a.post(p, "/v3/kv/range", `{"key":"AA==","range_end":"AA==","count_only":true}`, &r); err != nil {
		return 0, err
	}
	return strconv.Atoi(r.Count)
}
