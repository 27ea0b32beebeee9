package client

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// post sends a durable message whose body no frame takes, over HTTP. Its id
// makes it harmless to repeat.
func (a *Agent) post(m *Outgoing, body json.RawMessage, done func(Receipt, error)) (*sending, error) {
	s := &sending{messageID: m.ID, durable: true, ever: true, written: true, done: done}
	if s.messageID == "" {
		s.messageID = NewMessageID()
	}
	request := struct {
		ID           string          `json:"id"`
		To           string          `json:"to"`
		Type         string          `json:"type,omitempty"`
		Body         json.RawMessage `json:"body"`
		Durable      bool            `json:"durable"`
		Conversation string          `json:"conversation,omitempty"`
		Sealed       bool            `json:"sealed,omitempty"`
		Key          string          `json:"key,omitempty"`
		Priority     string          `json:"priority,omitempty"`
		From         string          `json:"from,omitempty"`
		TTL          string          `json:"ttl,omitempty"`
		Delay        string          `json:"delay,omitempty"`
	}{s.messageID, m.To, m.Type, body, true, m.Conversation, m.Seal, m.key, m.Priority, a.cfg.Name, spanOf(m.TTL), spanOf(m.Delay)}
	timeout := m.Timeout
	if timeout <= 0 {
		timeout = durableTimeout
	}
	a.mu.Lock()
	if a.failure != nil {
		err := a.failure
		a.mu.Unlock()
		return nil, &SendError{s.messageID, Refused, err}
	}
	a.mu.Unlock()
	a.figures.sent.Add(1)
	go func() {

		within, cancel := context.WithTimeout(a.ctx, timeout)
		defer cancel()
		var r struct {
			ID         string   `json:"id"`
			Status     Status   `json:"status"`
			Known      bool     `json:"known"`
			Duplicate  bool     `json:"duplicate"`
			Recipients []string `json:"recipients"`
		}
		var err error
		for {
			err = a.client.Do(within, Request{Method: "POST", Path: "/messages", Body: request, TraceParent: m.TraceParent}, &r)
			if err == nil || !again(err) || within.Err() != nil {
				break
			}
		}
		a.mu.Lock()
		if s.ended {
			a.mu.Unlock()
			return
		}
		s.ended = true
		a.mu.Unlock()
		if err == nil {
			done(Receipt{ID: r.ID, Status: r.Status, Known: r.Known, Duplicate: r.Duplicate, Recipients: r.Recipients}, nil)
			return
		}
		status := Unknown
		var e *Error
		if errors.As(err, &e) && !e.passing() {
			status = Refused
		}
		done(Receipt{ID: s.messageID, Status: status}, &SendError{s.messageID, status, err})
	}()
	return s, nil
}

// spanOf is a duration as the mesh reads it, empty for none.
func spanOf(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return d.String()
}
