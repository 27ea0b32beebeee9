package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"
)

// meshdTLS takes the node's own certificate as its authority, as a user who
// pinned it does.
func meshdTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
}

type (
	props struct {
		V string `json:"v"`
	}
	op struct {
		Op         string `json:"op"`
		ID         uint64 `json:"id,omitempty"`
		Type       string `json:"type,omitempty"`
		Label      string `json:"label,omitempty"`
		Properties props  `json:"properties"`
	}
	node struct {
		ID         uint64 `json:"id"`
		Properties props  `json:"properties"`
	}
	opResult struct {
		ID uint64 `json:"id"`
	}
)

func creations(from, count int, value string) (ops []op) {
	for i := range count {
		ops = append(ops, op{Op: "create_node", Type: "bench", Label: fmt.Sprintf("k%07d", from+i), Properties: props{value}})
	}
	return ops
}

func updates(keys []string, value string) (ops []op, err error) {
	for _, k := range keys {
		id, err := strconv.ParseUint(k, 10, 64)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op{Op: "update_node", ID: id, Properties: props{value}})
	}
	return ops, nil
}

func namesOf(results []opResult) (names []string) {
	for _, r := range results {
		names = append(names, strconv.FormatUint(r.ID, 10))
	}
	return names
}

func secretOf(o options) (string, error) {
	data, err := os.ReadFile(o.secret)
	return strings.TrimSpace(string(data)), err
}

// httpConn is a client with one kept connection.
type httpConn struct {
	base, key string
	*http.Client
}

func httpDialer(o options) (func() (conn, error), error) {
	key, err := secretOf(o)
	return func() (conn, error) {
		t := &http.Transport{TLSClientConfig: meshdTLS(), MaxIdleConnsPerHost: 1, DisableCompression: true}
		return &httpConn{"https://" + o.address, key, &http.Client{Transport: t}}, nil
	}, err
}

func (c *httpConn) ask(ctx context.Context, method, path string, body, out any) error {
	var in io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, res.StatusCode, data)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

type batch struct {
	SessionID string `json:"session_id,omitempty"`
	Ops       []op   `json:"ops"`
}

func (c *httpConn) Make(ctx context.Context, from, count int, value string) ([]string, error) {
	var out struct{ Results []opResult }
	err := c.ask(ctx, "POST", "/graph/batch", batch{"bench", creations(from, count, value)}, &out)
	return namesOf(out.Results), err
}

func (c *httpConn) Write(ctx context.Context, key, value string) error {
	var out node
	return c.ask(ctx, "PUT", "/graph/nodes/"+key, map[string]props{"properties": {value}}, &out)
}

func (c *httpConn) Batch(ctx context.Context, keys []string, value string) error {
	ops, err := updates(keys, value)
	if err != nil {
		return err
	}
	return c.ask(ctx, "POST", "/graph/batch", batch{"", ops}, nil)
}

func (c *httpConn) Read(ctx context.Context, key string, linearizable bool) (string, error) {
	path := "/graph/nodes/" + key
	if linearizable {
		path += "?consistency=linearizable"
	}
	var out node
	err := c.ask(ctx, "GET", path, nil, &out)
	return out.Properties.V, err
}

func (c *httpConn) Close() { c.CloseIdleConnections() }

// wsConn is a WebSocket with one request under way.
type wsConn struct {
	*websocket.Conn
	id int
}

type frame struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	SessionID   string `json:"session_id,omitempty"`
	Ops         []op   `json:"ops,omitempty"`
	Node        uint64 `json:"node,omitempty"`
	Consistency string `json:"consistency,omitempty"`
}

type answer struct {
	Type, ID, Error, Code string
	Results               []opResult
	Node                  json.RawMessage
}

func wsDialer(o options) (func() (conn, error), error) {
	key, err := secretOf(o)
	return func() (conn, error) {
		d := websocket.Dialer{TLSClientConfig: meshdTLS()}
		c, res, err := d.Dial("wss://"+o.address+"/ws", http.Header{"Authorization": {"Bearer " + key}})
		if err != nil {
			if res != nil {
				err = fmt.Errorf("%w: %s", err, res.Status)
			}
			return nil, err
		}
		_, _, err = c.ReadMessage() // hello
		return &wsConn{Conn: c}, err
	}, err
}

func (c *wsConn) ask(f frame) (answer, error) {
	c.id++
	f.ID = strconv.Itoa(c.id)
	data, err := json.Marshal(f)
	if err != nil {
		return answer{}, err
	}
	if err := c.WriteMessage(websocket.TextMessage, data); err != nil {
		return answer{}, err
	}
	_, data, err = c.ReadMessage()
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return a, err
	}
	if a.Type != "result" || a.ID != f.ID {
		return a, fmt.Errorf("%s %s: %s", a.Type, a.Code, a.Error)
	}
	return a, nil
}

func (c *wsConn) Make(_ context.Context, from, count int, value string) ([]string, error) {
	a, err := c.ask(frame{Type: "write", SessionID: "bench", Ops: creations(from, count, value)})
	return namesOf(a.Results), err
}

func (c *wsConn) Write(ctx context.Context, key, value string) error {
	return c.Batch(ctx, []string{key}, value)
}

func (c *wsConn) Batch(_ context.Context, keys []string, value string) error {
	ops, err := updates(keys, value)
	if err == nil {
		_, err = c.ask(frame{Type: "write", Ops: ops})
	}
	return err
}

func (c *wsConn) Read(_ context.Context, key string, linearizable bool) (string, error) {
	id, err := strconv.ParseUint(key, 10, 64)
	if err != nil {
		return "", err
	}
	f := frame{Type: "read", Node: id}
	if linearizable {
		f.Consistency = "linearizable"
	}
	a, err := c.ask(f)
	if err != nil {
		return "", err
	}
	var n node
	err = json.Unmarshal(a.Node, &n)
	return n.Properties.V, err
}

func (c *wsConn) Close() { _ = c.Conn.Close() }
