package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
)

// killLeader kills the process of the leader and measures how long writes at a
// survivor were not acknowledged.
func (d *Demo) killLeader(ctx context.Context) error {
	leader, err := d.leader(ctx)
	if err != nil {
		return err
	}
	survivor := d.nodes[0]
	if survivor == leader {
		survivor = d.nodes[1]
	}
	d.tell("%s leads; its process %d is killed (SIGKILL)", leader.name, leader.cmd.Process.Pid)
	leader.kill()
	begun := time.Now()
	err = d.eventually(ctx, 30*time.Second, func() error {
		_, _, err := d.write(ctx, survivor, "written without "+leader.name)
		return err
	})
	if err != nil {
		return err
	}
	d.report.LeaderGapSeconds = time.Since(begun).Seconds()
	d.tell("a write at %s was acknowledged %.2f s after the kill", survivor.name, time.Since(begun).Seconds())
	return nil
}

// comeBack starts the dead node again and waits until it has what it missed.
func (d *Demo) comeBack(ctx context.Context) error {
	for _, n := range d.nodes {
		if n.running() {
			continue
		}
		begun := time.Now()
		if _, err := n.start("serve"); err != nil {
			return err
		}
		if err := d.eventually(ctx, 30*time.Second, func() error { return d.same(ctx) }); err != nil {
			return err
		}
		d.report.CatchUpSeconds = time.Since(begun).Seconds()
		d.tell("%s was started again and has caught up after %s", n.name, since(begun))
	}
	return nil
}

// compare counts on every node. What the mesh does by itself, such as moving an
// inbox, may come between the looks at two of them: they are looked at until it
// has not.
func (d *Demo) compare(ctx context.Context) error {
	var looks []looked
	if err := d.eventually(ctx, 30*time.Second, func() (err error) {
		looks, err = d.lookAtAll(ctx)
		return err
	}); err != nil {
		return err
	}
	d.report.Revision, d.report.StateHash = looks[0].status.Revision, looks[0].status.StateHash
	for i, n := range d.nodes {
		l := looks[i]
		d.tell("%-6s revision %d  %d nodes  %d edges  hash %.12s…",
			n.name, l.status.Revision, l.graph.Nodes, l.graph.Edges, l.status.StateHash)
	}
	return nil
}

// looked is what a node says of its state.
type looked struct {
	status meshStatus
	graph  graphStats
}

// lookAtAll asks every node, and fails where they differ.
func (d *Demo) lookAtAll(ctx context.Context) ([]looked, error) {
	looks := make([]looked, len(d.nodes))
	for i, n := range d.nodes {
		l := &looks[i]
		if err := n.client.Get(ctx, "/graph/stats", url.Values{"session_id": {namespace}}, &l.graph); err != nil {
			return nil, err
		}
		var err error
		if l.status, err = d.status(ctx, n); err != nil {
			return nil, err
		}
		if first := looks[0]; l.graph != first.graph || l.status.StateHash != first.status.StateHash {
			return nil, fmt.Errorf("%s, at revision %d, and %s, at %d, differ",
				n.name, l.status.Revision, d.nodes[0].name, first.status.Revision)
		}
	}
	return looks, nil
}

type graphStats struct {
	Nodes uint64 `json:"nodes"`
	Edges uint64 `json:"edges"`
}

type meshStatus struct {
	Revision  uint64 `json:"revision"`
	StateHash string `json:"state_hash"`
	Leader    *struct {
		Name string `json:"name"`
	} `json:"leader"`
}

type member struct {
	Name   string `json:"name"`
	Pin    string `json:"pin"`
	Role   string `json:"role"`
	Status string `json:"status"`
}

func (d *Demo) status(ctx context.Context, n *process) (s meshStatus, err error) {
	return s, n.client.Do(ctx, caller.Request{Method: http.MethodGet, Path: "/status", Timeout: 3 * time.Second}, &s)
}

func (d *Demo) members(ctx context.Context, n *process) (m []member, err error) {
	return m, n.client.Do(ctx, caller.Request{Method: http.MethodGet, Path: "/members", Timeout: 3 * time.Second}, &m)
}

func (d *Demo) leader(ctx context.Context) (*process, error) {
	s, err := d.status(ctx, d.nodes[0])
	if err != nil {
		return nil, err
	}
	for _, n := range d.nodes {
		if s.Leader != nil && n.name == s.Leader.Name {
			return n, nil
		}
	}
	return nil, errors.New("no leader is known")
}

// same says whether all nodes hold one state.
func (d *Demo) same(ctx context.Context) error {
	var first meshStatus
	for i, n := range d.nodes {
		s, err := d.status(ctx, n)
		if err != nil {
			return err
		}
		if i == 0 {
			first = s
		} else if s.Revision != first.Revision || s.StateHash != first.StateHash {
			return fmt.Errorf("%s is at revision %d, %s at %d", n.name, s.Revision, d.nodes[0].name, first.Revision)
		}
	}
	return nil
}

// eventually tries until it holds, and reports the last failure.
func (d *Demo) eventually(ctx context.Context, limit time.Duration, cond func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %s: %w", limit, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// importLine is a line of progress of an import.
type importLine struct {
	Nodes  uint64 `json:"nodes"`
	Edges  uint64 `json:"edges"`
	Errors int    `json:"errors"`
	Done   bool   `json:"done"`
	Error  string `json:"error"`
}

// lastLine reads the progress of an import to its end.
func lastLine(r io.Reader) (last importLine, err error) {
	for s := bufio.NewScanner(r); s.Scan(); {
		last = importLine{}
		if err := json.Unmarshal(s.Bytes(), &last); err != nil {
			return last, err
		}
	}
	switch {
	case last.Error != "":
		return last, errors.New(last.Error)
	case !last.Done:
		return last, errors.New("the import broke off")
	}
	return last, nil
}
