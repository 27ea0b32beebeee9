package program

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/meshd/meshd/httpapi/client"
)

// listen takes a child's lines until it ends.
func (c *child) listen(r io.Reader) {
	lines := bufio.NewReaderSize(r, 64<<10)
	garbage := 0
	for {
		line, err := readLine(lines, maxLine)
		if err != nil && !errors.Is(err, errLong) {
			return
		}
		if err == nil && len(line) == 0 {
			continue
		}
		var s said
		if err == nil {
			s, err = readSaid(line)
		} else {
			err = fmt.Errorf("a line has at most %d bytes", maxLine)
		}
		if err == nil {
			garbage = 0
			c.spoke.Store(true)
			c.take(&s)
			continue
		}
		if garbage++; garbage > maxGarbage {
			continue // it is being killed; what it had printed before is no news
		}
		c.complain(s.of(), err)
		c.in.report(Event{Event: "log", Level: "warn", Source: "log", Text: "the program printed what is not of the protocol: " + err.Error()})
		if garbage == maxGarbage {
			c.in.report(Event{Event: "log", Level: "error", Source: "log", Text: fmt.Sprintf("%d bad lines in a row: the program is restarted", maxGarbage)})
			kill(c.cmd)
		}
	}
}

// take acts on a line of the child.
func (c *child) take(s *said) {
	switch s.Type {
	case "hello":
		c.mu.Lock()
		a := c.agent
		c.hello = s
		c.mu.Unlock()
		if a != nil {
			c.describe(a, s)
		}
	case "log":
		level := s.Level
		switch level {
		case "debug", "warn", "error":
		default:
			level = "info"
		}
		c.in.report(Event{Event: "log", Level: level, Source: "log", Text: s.Text[:min(len(s.Text), maxText)]})
	case "message":
		c.send(s)
	case "progress":
		c.progress(s)
	default:
		c.settle(s)
	}
}

// has is what the child has under an id, told to it where it has nothing.
func (c *child) has(id string, ended bool) *pending {
	c.mu.Lock()
	p := c.pending[id]
	if ended {
		delete(c.pending, id)
	}
	c.mu.Unlock()
	if p == nil {
		c.complain(id, &client.Error{Code: client.CodeNotWaiting, Sentence: "there is no message " + id + " that you have"})
	}
	return p
}

// settle ends a message that the child has.
func (c *child) settle(s *said) {
	p := c.has(s.of(), true)
	if p == nil {
		return
	}
	if p.task != nil {
		p.task.end = s
		p.done <- nil
		return
	}
	failed := s.Type == "error" || s.Type == "reply" && s.Error != ""
	var err error
	switch {
	case s.Type == "return" && p.m.Durable:
		delay, _ := duration(s.Delay) // checked when it was read
		err = p.m.Return(delay, s.Reason)
	case s.Type == "return":
		failed = true
		s.Error = "the agent gave it back"
		if s.Reason != "" {
			s.Error += ": " + s.Reason
		}
	case s.Type == "reply" && !failed && p.m.Wait:
		err = p.m.Reply(s.Body)
	}
	if err != nil {
		c.complain(s.of(), err)
		if !errors.Is(err, client.ErrSettled) {
			p.done <- err
			return
		}
	}
	if failed {
		if s.Error == "" {
			s.Error = "the agent failed"
		}
		p.done <- &client.Error{Code: s.Code, Sentence: s.Error}
		return
	}
	p.done <- nil // what is not answered yet is acknowledged
}
