package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// inboxLine is a message of an inbox. The fields that are only passed on stand
// in rest.
type inboxLine struct {
	Seq            uint64          `json:"seq"`
	MessageID      string          `json:"message_id"`
	SourceInstance string          `json:"source_instance"`
	MessageType    json.RawMessage `json:"message_type"`
	Payload        json.RawMessage `json:"payload"`
	CreatedAt      time.Time       `json:"created_at"`
	Size           int64           `json:"size"`
	Priority       string          `json:"priority"`
	Sealed         bool            `json:"sealed"`
	Attempts       int             `json:"attempts"`
	Topic          string          `json:"topic"`
	NotBefore      *time.Time      `json:"not_before"`
	LeaseUntil     *time.Time      `json:"lease_until"`
	Death          string          `json:"death"`
	Reason         string          `json:"reason"`

	raw    json.RawMessage
	opened json.RawMessage // the payload, opened here
	shut   string          // why it was not
}

// read takes a message as the node told it, and opens it where that can be.
func (v *inboxVerb) read(raw json.RawMessage) (m inboxLine, err error) {
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, err
	}
	m.raw = raw
	if m.Sealed && v.opener != nil && len(m.Payload) > 0 && string(m.Payload) != "null" {
		if m.opened, err = v.opener.Open(m.Payload); err != nil {
			m.shut = err.Error()
		}
	}
	return m, nil
}

// object is what --json prints: as the node told it, with what was opened
// beside it.
func (m *inboxLine) object() json.RawMessage {
	var name string
	var value any
	switch {
	case m.opened != nil:
		name, value = "opened", m.opened
	case m.shut != "":
		name, value = "not_opened", m.shut
	default:
		return m.raw
	}
	text, err := json.Marshal(value)
	if err != nil || len(m.raw) < 2 {
		return m.raw
	}
	out := append([]byte{}, m.raw[:len(m.raw)-1]...)
	return append(append(append(out, `,"`+name+`":`...), text...), '}')
}

// kind is the message's type for people.
func (m *inboxLine) kind() string {
	var name string
	if json.Unmarshal(m.MessageType, &name) == nil {
		return name
	}
	var custom struct{ Custom string }
	_ = json.Unmarshal(m.MessageType, &custom) // or it is shown empty
	return custom.Custom
}

// text is the body in one line for people.
func (m *inboxLine) text() string {
	body := m.Payload
	switch {
	case m.opened != nil:
		body = m.opened
	case m.shut != "":
		return "(sealed: " + m.shut + ")"
	case m.Sealed:
		return "(sealed)"
	case len(body) == 0 || string(body) == "null" && m.Size > 4:
		return "(" + output.Bytes(m.Size) + "; --body " + strconv.FormatUint(m.Seq, 10) + " prints it)"
	}
	var text string
	if json.Unmarshal(body, &text) != nil {
		text = string(body)
	}
	text = output.Clean(strings.Join(strings.Fields(text), " "))
	if runes := []rune(text); len(runes) > 80 {
		text = string(runes[:79]) + "…"
	}
	return text
}

// state says what keeps a message from being delivered now.
func (m *inboxLine) state(now time.Time) string {
	switch {
	case m.Death != "":
		return strings.TrimSpace(m.Death + " " + m.Reason)
	case m.LeaseUntil != nil && m.LeaseUntil.After(now):
		return "taken for " + output.Duration(m.LeaseUntil.Sub(now))
	case m.NotBefore != nil && m.NotBefore.After(now):
		return "in " + output.Duration(m.NotBefore.Sub(now))
	case m.Attempts > 0:
		return "tried " + strconv.Itoa(m.Attempts) + " times"
	case m.Priority != "normal":
		return m.Priority
	}
	return ""
}

// list shows a page of the inbox, or what was leased of it.
func (v *inboxVerb) list(ctx context.Context, c *caller.Client, p *output.Printer, path string) error {
	q := url.Values{}
	if v.limit > 0 {
		q.Set("limit", strconv.Itoa(v.limit))
	}
	for name, d := range map[string]time.Duration{"wait": v.wait, "lease": v.lease} {
		if d > 0 {
			q.Set(name, d.String())
		}
	}
	r := caller.Request{Method: http.MethodGet, Path: path, Query: q, Own: true, Timeout: caller.Timeout + v.wait}
	if v.dead {
		r.Path += "/dead"
	}
	var out struct {
		Messages []json.RawMessage `json:"messages"`
		Next     string            `json:"next"`
	}
	if err := c.Do(ctx, r, &out); err != nil {
		return err
	}
	lines := make([]inboxLine, 0, len(out.Messages))
	objects := make([]json.RawMessage, 0, len(out.Messages))
	var names []string
	for _, raw := range out.Messages {
		m, err := v.read(raw)
		if err != nil {
			return err
		}
		lines, objects, names = append(lines, m), append(objects, m.object()), append(names, strconv.FormatUint(m.Seq, 10))
	}
	err := p.Result(objects, func() error {
		now := time.Now()
		var rows [][]string
		for i := range lines {
			m := &lines[i]
			rows = append(rows, []string{strconv.FormatUint(m.Seq, 10), m.SourceInstance, m.kind(), output.Ago(m.CreatedAt, now), m.state(now), m.text()})
		}
		return p.Table(v.nothing(), []string{"SEQ", "FROM", "TYPE", "CAME", "STATE", "BODY"}, rows)
	})
	if err != nil {
		return err
	}
	switch {
	case out.Next == "":
	case len(lines) < cmp.Or(v.limit, 100) && v.dead: // a page ends where its bodies fill it
		p.Hint("There are more than their bodies let show at once; see these out of the way with --redrive or --drop.")
	case len(lines) < cmp.Or(v.limit, 100):
		p.Hint("There are more than their bodies let show at once; --follow shows all.")
	default:
		p.Hint("There are more; --limit shows up to 1000 at once.")
	}
	if v.ackAll && len(names) > 0 {
		_, err = acknowledge(ctx, c, path, names)
	}
	return err
}

func (v *inboxVerb) nothing() string {
	switch {
	case v.dead:
		return v.agent + " has no dead letters"
	case v.lease > 0:
		return "nothing is due for " + v.agent
	}
	return "nothing waits for " + v.agent
}
