package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// inboxFollower shows the messages of an inbox.
type inboxFollower struct {
	v      *inboxVerb
	client *caller.Client
	p      *output.Printer
	path   string
	shown  int
	told   map[uint64]bool // what was shown and may be told again by the next connection
}

// maxTold bounds how many shown messages are known again.
const maxTold = 100_000

// followInbox shows messages as they come. Without --ack-all and --lease it
// takes nothing.
func (v *inboxVerb) followInbox(ctx context.Context, c *caller.Client, p *output.Printer, path string) error {
	f := &inboxFollower{v: v, client: c, p: p, path: path, told: map[uint64]bool{}}
	stream := follower{client: c, p: p, path: path + "/stream", query: f.query, take: f.take}
	return stream.follow(ctx)
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

func (f *inboxFollower) take(ctx context.Context, line []byte) (told, error) {
	var l feedLine
	if err := json.Unmarshal(line, &l); err != nil {
		return passed, notOfStream(line)
	}
	switch l.Event {
	case "message":
	case "cut", "trouble":
		err := l.cut()
		if l.Event == "trouble" { // it goes on by itself
			f.p.Hint("%s", exit.Line(err))
			return passed, nil
		}
		return passed, err
	default:
		return passed, nil
	}
	m, err := f.v.read(bytes.Clone(l.Data))
	if err != nil {
		return passed, notOfStream(line)
	}
	if f.v.lease == 0 && !f.v.ackAll {
		if f.told[m.Seq] {
			return passed, nil
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
	if f.shown++; f.shown == f.v.limit {
		return last, err
	}
	return shown, err
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
