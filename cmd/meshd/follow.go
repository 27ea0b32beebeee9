package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

const (
	// silence is how long a stream may say nothing: it has something to say
	// every 15 s.
	silence = 45 * time.Second
	// maxStreamLine bounds a line of a stream: the largest has a message with its body, or
	// a change with two versions.
	maxStreamLine = 8 << 20
	// The pauses between attempts to connect again.
	minWatchPause, maxWatchPause = 100 * time.Millisecond, 5 * time.Second
)

// told says what a line of a stream was.
type told int

const (
	passed told = iota // nothing to show
	shown
	last // enough was shown
)

// follower shows the lines of a stream over as many connections as it takes.
type follower struct {
	client *caller.Client
	p      *output.Printer
	path   string
	// query is asked for each connection.
	query func() url.Values
	// take shows a line, if it is to be shown, and says what that was.
	take func(ctx context.Context, line []byte) (told, error)
}

// follow connects until it may end, which the user's leaving is too. What breaks
// before the first answer, and what another attempt would not better, is an error.
func (f *follower) follow(ctx context.Context) error {
	pause, begun := minWatchPause, false
	for {
		most, err := f.once(ctx, &begun)
		switch {
		case ctx.Err() != nil:
			return leftOr(ctx)
		case most == last || !begun || !again(err):
			return err
		}
		if most == shown {
			pause = minWatchPause
		}
		f.p.Hint("%s; connecting again", exit.Line(err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return leftOr(ctx)
		}
		pause = min(2*pause, maxWatchPause)
	}
}

// leftOr is why ctx ended, unless the user left.
func leftOr(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return nil
	}
	return context.Cause(ctx)
}

// again says that another attempt may go well.
func again(err error) bool {
	var refused *caller.Error
	if errors.As(err, &refused) {
		return refused.Status >= 500
	}
	// What is cancelled here was silent for too long.
	return exit.CodeOf(err) == exit.Unreachable || errors.Is(err, context.Canceled)
}

// wholeLines is bufio.ScanLines without what follows the last line break: a
// stream that breaks off within a line has not said it.
func wholeLines(data []byte, _ bool) (advance int, token []byte, err error) {
	i := bytes.IndexByte(data, '\n')
	if i < 0 {
		return 0, nil, nil
	}
	return i + 1, data[:i], nil
}

// once follows one connection, and says the most that its lines were; begun says
// that the node has answered.
func (f *follower) once(ctx context.Context, begun *bool) (most told, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(silence, cancel)
	defer quiet.Stop()
	res, err := f.client.Open(ctx, caller.Request{Method: http.MethodGet, Path: f.path, Query: f.query(), Accept: "application/x-ndjson"})
	if err != nil {
		return passed, err
	}
	defer res.Body.Close()
	*begun = true
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxStreamLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		quiet.Reset(silence)
		was, err := f.take(ctx, lines.Bytes())
		if most = max(most, was); most == last || err != nil {
			return most, err
		}
	}
	return most, &exit.Error{Code: exit.Unreachable, Sentence: "the connection broke", Err: lines.Err()}
}

// notOfStream is a line that is not of its stream.
func notOfStream(line []byte) error {
	return fmt.Errorf("the answer of the node cannot be read: %.100q", line)
}

// feedCut is why a stream ends, or is in trouble.
type feedCut struct {
	Code     string `json:"code"`
	Sentence string `json:"error"`
	Details  struct {
		Next string `json:"next"`
	} `json:"details"`
}

// err is what the user is told, if the stream cannot be gone on with.
func (c *feedCut) err() *exit.Error {
	e := &exit.Error{Code: exit.Refused, Sentence: output.Clean(c.Sentence), Next: output.Clean(c.Details.Next)}
	if c.Code == "CLOSING" || c.Code == "TOO_SLOW" {
		e.Code = exit.Unreachable // for this connection only
	}
	return e
}

// feedLine is one line of a stream that names its events.
type feedLine struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// cut is what the data of a cut, or of trouble, says.
func (l *feedLine) cut() error {
	var c feedCut
	if err := json.Unmarshal(l.Data, &c); err != nil {
		return notOfStream(l.Data)
	}
	return c.err()
}
