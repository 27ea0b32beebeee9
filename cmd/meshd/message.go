package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

const (
	// maxMessage is the largest body a live message may have, and maxDurable a
	// durable one.
	maxMessage = message.MaxBody
	maxDurable = inbox.MaxBody
	// replyGrace is what the way to the node and back may take beyond the
	// time the agent has.
	replyGrace = 10 * time.Second
)

// receiptBody is the answer of POST /messages.
type receiptBody struct {
	ID     string          `json:"id"`
	Status string          `json:"status"`
	Reply  json.RawMessage `json:"reply,omitempty"`
	Counts *struct {
		Delivered int `json:"delivered"`
		Refused   int `json:"refused"`
		Unknown   int `json:"unknown"`
	} `json:"counts,omitempty"`
	// Of durable messages: whether the receiver was ever seen, whether the id
	// was accepted before, and whose inboxes a topic came to.
	Known      *bool    `json:"known,omitempty"`
	Duplicate  bool     `json:"duplicate,omitempty"`
	Recipients []string `json:"recipients,omitempty"`
	// Key is the hash of the key that the body was sealed to.
	Key string `json:"key,omitempty"`
	// TraceID is what "meshd trace" takes, of a message sent with --trace.
	TraceID string `json:"trace_id,omitempty"`
}

func askCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := a.asks(&cobra.Command{
		Use:               "ask AGENT TEXT…",
		Short:             "Ask an agent something and print its answer",
		Example:           "  meshd ask librarian what depends on bbolt\n  meshd ask librarian@office 'describe meshd' --json",
		ValidArgsFunction: a.completing(agentNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			text, err := json.Marshal(strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			out, err := post(cmd, c, args[0], "", text, true, timeout)
			if err != nil {
				return err
			}
			return a.printReceipt(out)
		}),
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return cmd
}

func post(cmd *cobra.Command, c *caller.Client, to, kind string, body json.RawMessage, wait bool, timeout time.Duration) (receiptBody, error) {
	s := sending{to: to, kind: kind, wait: wait, timeout: timeout}
	return s.post(cmd.Context(), c, body, "")
}

// messageBody reads BODY: JSON stays JSON, everything else is a text. A bare
// number or word is a text too, since a person who types 7 means the letters.
// most is how many bytes it may have.
func (a *app) messageBody(ctx context.Context, word string, most int) (json.RawMessage, error) {
	raw := []byte(word)
	var err error
	switch {
	case word == "-":
		raw, err = readBounded(newInterruptibleReader(ctx, a.in), most)
	case strings.HasPrefix(word, "@"):
		f, failed := open(ctx, "the body", word[1:])
		if failed != nil {
			return nil, failed
		}
		defer f.Close()
		raw, err = readBounded(newInterruptibleReader(ctx, f), most)
	}
	if err != nil {
		return nil, unreadable("the body", strings.TrimPrefix(word, "@"), err)
	}
	if len(raw) > most {
		next := "send less, or where it can be found"
		if most < maxDurable {
			next += "; --durable takes up to " + output.Bytes(maxDurable)
		}
		return nil, exit.New(exit.Usage, fmt.Sprintf("the body is larger than %s", output.Bytes(int64(most))), next)
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && strings.ContainsRune("{[\"", rune(trimmed[0])) && json.Valid(trimmed) {
		return trimmed, nil
	}
	if !utf8.Valid(raw) { // JSON has no other text, and would hold something else
		return nil, exit.New(exit.Usage, "the body is neither text in UTF-8 nor JSON", "spell it as text, for example with base64")
	}
	return json.Marshal(string(raw))
}

func readBounded(r io.Reader, most int) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, int64(most)+1))
}

// printReceipt prints the answer, or the message's fate where none was asked
// for, and ends as the fate says.
func (a *app) printReceipt(out receiptBody) error {
	p := a.printer()
	err := p.Result(out, func() error {
		switch {
		case out.Reply != nil:
			p.Say("%s", replyText(out.Reply))
		case out.Status == string(message.Accepted):
			p.Say("%s", acceptedText(out))
		case out.Counts != nil:
			text := fmt.Sprintf("delivered to %d, refused by %d, unknown of %d", out.Counts.Delivered, out.Counts.Refused, out.Counts.Unknown)
			if out.Counts.Unknown > 0 {
				text += "; a node that did not answer counts as one, however many it has"
			}
			p.Say("%s", text)
		default:
			p.Say("%s", output.Clean(out.Status))
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case out.Status == "refused":
		return exit.New(exit.Refused, "the message "+out.ID+" was not delivered", "\"meshd agents\" lists who can be reached")
	case out.Status == "unknown":
		return exit.New(exit.Unknown, "it is not known whether the message "+out.ID+" was delivered", "look before you repeat it")
	}
	return nil
}

// replyText is an answer for people: a text as it is, an object by its text
// field if it has one, anything else as indented JSON.
func replyText(reply json.RawMessage) string {
	var text string
	if json.Unmarshal(reply, &text) == nil {
		return cleanLines(text)
	}
	var object struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(reply, &object) == nil && object.Text != "" {
		return cleanLines(object.Text)
	}
	return cleanLines(string(output.Indented(reply)))
}

// cleanLines is output.Clean with the lines kept.
func cleanLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = output.Clean(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
