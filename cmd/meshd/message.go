package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/client"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

const (
	// maxMessage is the largest body a live message may have.
	maxMessage = 1 << 20
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
}

func sendCommand(a *app) *cobra.Command {
	var (
		wait    bool
		timeout time.Duration
		kind    string
	)
	cmd := a.asks(&cobra.Command{
		Use:   "send TO BODY",
		Short: "Send a message to an agent",
		Long: `send hands a message to an agent: NAME for any instance, NAME@NODE for the one
there, NAME@* for all. BODY is text, or JSON if it is a JSON object, array or
string, - for standard input, or @FILE. Without --wait it says whether the message
was delivered; with it, the answer is printed.`,
		Example:           "  meshd send reviewer 'please look' --wait\n  meshd send reviewer@office '{\"task\":7}'\n  meshd send reviewer @task.json",
		ValidArgsFunction: a.completing(agentNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
			body, err := a.messageBody(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			out, err := post(cmd, c, args[0], kind, body, wait, timeout)
			if err != nil {
				return err
			}
			return a.printReceipt(out)
		}),
	})
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the answer and print it")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	cmd.Flags().StringVar(&kind, "type", "", "a word that tells the agent what kind of message it is")
	return cmd
}

func askCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := a.asks(&cobra.Command{
		Use:               "ask AGENT TEXT…",
		Short:             "Ask an agent something and print its answer",
		Example:           "  meshd ask librarian what depends on bbolt\n  meshd ask librarian@office 'describe meshd' --json",
		ValidArgsFunction: a.completing(agentNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *client.Client) error {
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

func post(cmd *cobra.Command, c *client.Client, to, kind string, body json.RawMessage, wait bool, timeout time.Duration) (receiptBody, error) {
	if timeout < time.Millisecond {
		return receiptBody{}, exit.New(exit.Usage, "--timeout "+timeout.String()+" leaves no time", "give more, such as 30s")
	}
	request := map[string]any{"to": to, "body": body, "timeout": timeout.String(), "wait": wait}
	if kind != "" {
		request["type"] = kind
	}
	var out receiptBody
	err := c.Do(cmd.Context(), client.Request{Method: "POST", Path: "/messages", Body: request, Once: true, Timeout: timeout + replyGrace}, &out)
	return out, err
}

// messageBody reads BODY: JSON stays JSON, everything else is a text. A bare
// number or word is a text too, since a person who types 7 means the letters.
func (a *app) messageBody(ctx context.Context, word string) (json.RawMessage, error) {
	raw := []byte(word)
	var err error
	switch {
	case word == "-":
		raw, err = readBounded(newInterruptibleReader(ctx, a.in))
	case strings.HasPrefix(word, "@"):
		f, failed := open(ctx, "the body", word[1:])
		if failed != nil {
			return nil, failed
		}
		defer f.Close()
		raw, err = readBounded(newInterruptibleReader(ctx, f))
	}
	if err != nil {
		return nil, unreadable("the body", strings.TrimPrefix(word, "@"), err)
	}
	if len(raw) > maxMessage {
		return nil, exit.New(exit.Usage, fmt.Sprintf("the body is larger than %s", output.Bytes(maxMessage)), "send less, or where it can be found")
	}
	if trimmed := bytes.TrimSpace(raw); len(trimmed) > 0 && strings.ContainsRune("{[\"", rune(trimmed[0])) && json.Valid(trimmed) {
		return trimmed, nil
	}
	return json.Marshal(string(raw))
}

func readBounded(r io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(r, maxMessage+1)) }

// printReceipt prints the answer, or the message's fate where none was asked
// for, and ends as the fate says.
func (a *app) printReceipt(out receiptBody) error {
	p := a.printer()
	err := p.Result(out, func() error {
		switch {
		case out.Reply != nil:
			p.Say("%s", replyText(out.Reply))
		case out.Counts != nil:
			p.Say("delivered to %d, refused by %d, unknown of %d", out.Counts.Delivered, out.Counts.Refused, out.Counts.Unknown)
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
	var pretty bytes.Buffer
	if json.Indent(&pretty, reply, "", "  ") != nil {
		return cleanLines(string(reply))
	}
	return cleanLines(pretty.String())
}

// cleanLines is output.Clean with the lines kept.
func cleanLines(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = output.Clean(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(lines, "\n")
}
