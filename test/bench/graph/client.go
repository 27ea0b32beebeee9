package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// client asks one node over a connection that it keeps.
type client struct {
	base, key string
	http      *http.Client
}

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64,
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true}, // processes of our own on loopback
	}}}
}

// request is what is asked.
type request struct {
	method, path string
	body         []byte
	header       http.Header // beside what every request has
}

func get(path string) request { return request{method: http.MethodGet, path: path} }

func post(path string, body any) request {
	data, err := json.Marshal(body)
	if err != nil { // maps of texts and numbers always encode
		panic(err)
	}
	return request{method: http.MethodPost, path: path, body: data}
}

// answer is a whole answer, and when it had arrived.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	revision uint64
	at       time.Time
}

// open sends a request and leaves the answer's body to be read and closed.
func (c *client) open(ctx context.Context, r request, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, body)
	if err != nil {
		return nil, err
	}
	for k, v := range r.header {
		req.Header[k] = v
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return c.http.Do(req)
}

// do sends a request and reads the answer; an answer that is no success is an
// error beside it.
func (c *client) do(ctx context.Context, r request) (a answer, err error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	res, err := c.open(ctx, r, body)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	a.body, err = io.ReadAll(res.Body)
	a.status, a.header, a.at = res.StatusCode, res.Header, time.Now()
	a.revision, _ = strconv.ParseUint(res.Header.Get("X-Mesh-Revision"), 10, 64)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %d %.300s", r.method, r.path, res.StatusCode, a.body)
	}
	return a, err
}

// into decodes a successful answer's JSON.
func (c *client) into(ctx context.Context, r request, v any) (answer, error) {
	a, err := c.do(ctx, r)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return a, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return a, nil
}
