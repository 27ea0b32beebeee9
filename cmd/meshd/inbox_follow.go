package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

const (
	// feedSilence is how long a feed may say nothing: three of its pings.
	feedSilence = 45 * time.Second
	// maxFeedLine bounds a line of a feed: a message with the largest body
	// that is shown, and what is around it.
	maxFeedLine = 8 << 20
)

// feedLine is one line of a feed.
type feedLine struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// feedCut is the data of the events "cut" and "trouble".
type feedCut struct {
	Code     string `json:"code"`
	Sentence string `json:"error"`
	Details  struct {
		Next string `json:"next"`
	} `json:"details"`
}

// inboxFollower follows an inbox over as many connections as it takes.
type inboxFollower struct {
	v      *inboxVerb
	client *caller.Client
	p      *output.Printer
	path   string
	shown  int
	told   map[uint64]bool // what was shown and may be told again by the next connection
	begun  bool
}

// maxTold bounds how many shown messages are known again.
const maxTold = 100_000

// followInbox shows messages as they come. Without --ack-all and --lease it
// takes nothing.
func (v *inboxVerb) followInbox(ctx context.Context, c *caller.Client, p *output.Printer, path string) error {
	f := &inboxFollower{v: v, client: c, p: p, path: path, told: map[uint64]bool{}}
	pause := minWatchPause
	for {
		before := f.shown
		done, err := f.once(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // that is how it ends
		case done || !f.begun || !again(err):
			return err
		}
		if f.shown != before {
			pause = minWatchPause
		}
		p.Hint("%s; connecting again", exit.Line(err))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		pause = min(2*pause, maxWatchPause)
	}
}

func (f *inboxFollower) query() url.Values {
	q := url.Values{"only": {"durable"}}
	switch {
	case f.v.lease > 0:
		q.Set("lease", f.v.lease.String())
	case !f.v.ackAll:
		q.Set("peek", "true")
	}
	if (f.v.lease > 0 || f.v.ackAll) && f.v.limit > 0 {
		// What will not be shown is not taken.
		q.Set("limit", strconv.Itoa(min(f.v.limit-f.shown, 64)))
	}
	return q
}

// once follows one connection; done says that enough was shown.
func (f *inboxFollower) once(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(feedSilence, cancel)
	defer silence.Stop()
	res, err := f.client.Open(ctx, caller.Request{Method: http.MethodGet, Path: f.path + "/stream", Query: f.query(), Accept: "application/x-ndjson"})
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	f.begun = true
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxFeedLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		silence.Reset(feedSilence)
		if done, err = f.take(ctx, lines.Bytes()); done || err != nil {
			return done, err
		}
	}
	return false, &exit.Error{Code: exit.Unreachable, Sentence: "the connection broke", Err: lines.Err()}
}

func (f *inboxFollower) take(ctx context.Context, line []byte) (done bool, err error) {
	var l feedLine
	if err := json.Unmarshal(line, &l); err != nil {
		return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
	}
	switch l.Event {
	case "message":
	case "cut", "trouble":
		var c feedCut
		if err := json.Unmarshal(l.Data, &c); err != nil {
			return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
		}
		e := &exit.Error{Code: exit.Refused, Sentence: output.Clean(c.Sentence), Next: output.Clean(c.Details.Next)}
		if l.Event == "trouble" { // it goes on by itself
			f.p.Hint("%s", exit.Line(e))
			return false, nil
		}
		if c.Code == "CLOSING" {
			e.Code = exit.Unreachable // for this connection only
		}
		return false, e
	default:
		return false, nil
	}
	m, err := f.v.read(bytes.Clone(l.Data))
	if err != nil {
		return false, fmt.Errorf("the answer of the node cannot be read: %.100q", line)
	}
	if f.v.lease == 0 && !f.v.ackAll {
		if f.told[m.Seq] {
			return false, nil
		}
		if len(f.told) == maxTold {
			clear(f.told)
		}
		f.told[m.Seq] = true
	}
	if f.p.JSON {
		err = f.p.Line(m.object())
	} else {
		f.p.Say("%s", m.line(f.p))
	}
	if err == nil && f.v.ackAll {
		_, err = acknowledge(ctx, f.client, f.path, []string{strconv.FormatUint(m.Seq, 10)})
	}
	f.shown++
	return f.shown == f.v.limit, err
}

// line is a message for people.
func (m *inboxLine) line(p *output.Printer) string {
	s := m.CreatedAt.Local().Format(time.TimeOnly) + "  " + strconv.FormatUint(m.Seq, 10) + "  " + output.Clean(m.SourceInstance)
	for _, part := range []string{m.kind(), m.Topic} {
		if part != "" {
			s += "  " + output.Clean(part)
		}
	}
	s += "  " + m.text()
	if m.Attempts > 1 {
		s += p.Mark(output.Dim, "  attempt "+strconv.Itoa(m.Attempts))
	}
	return s
}
