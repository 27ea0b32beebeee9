package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/tracing"
)

// sending is a message to be sent, as flags say it.
type sending struct {
	to, kind, id, from, conversation, priority string

	wait, sticky bool
	trace        bool
	timeout      time.Duration

	durable                bool
	ttl, delay, redelivery time.Duration
	attempts               int

	seal, acceptKey bool
	key             string // the hash of the key that the body was sealed to
}

func sendCommand(a *app) *cobra.Command {
	var s sending
	cmd := a.asks(&cobra.Command{
		Use:   "send TO BODY",
		Short: "Send a message to an agent or a topic",
		Long: `send hands a message to an agent: NAME for any instance, NAME@NODE for the one
there, NAME@* for all; or to topic/a/b, for all that subscribe to it. BODY is text,
or JSON if it is a JSON object, array or string, - for standard input, or @FILE.

Without --wait it says whether the message was delivered; with it, the answer is
printed. With --durable the message goes into the agent's inbox: once send is done a
majority of the voters has it on disk, and the agent gets it at least once, now or
when it comes back; with NAME@*, the agent at each node where it takes messages of
its inbox now, each by itself. Sent again under the same --id it is the same message.

With --seal the body is encrypted here, to the agent's key, so that no node can read
it. The key is remembered: when the agent has another one later, send refuses until
--accept-key takes it.`,
		Example: "  meshd send reviewer 'please look' --wait\n  meshd send reviewer@office '{\"task\":7}'\n" +
			"  meshd send reviewer @task.json --durable --ttl 48h\n  meshd send topic/builds/done '\"ok\"'\n  meshd send reviewer 'the password is …' --seal",
		ValidArgsFunction: a.completingWord(addressNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			s.to = args[0]
			if err := s.check(cmd); err != nil {
				return err
			}
			body, err := a.messageBody(cmd.Context(), args[1], s.most())
			if err == nil && s.seal {
				body, err = a.sealFor(cmd, c, &s, body)
			}
			if err != nil {
				return err
			}
			var parent, traceID string
			if s.trace {
				begun := tracing.Begin()
				parent, traceID = begun.String(), begun.Trace.String()
				a.printer().Hint("\"meshd trace %s\" shows its way", begun.Trace)
			}
			out, err := s.post(cmd.Context(), c, body, parent)
			if err != nil {
				return err
			}
			out.Key, out.TraceID = s.key, traceID
			return a.printReceipt(out)
		}),
	})
	f := cmd.Flags()
	f.BoolVar(&s.wait, "wait", false, "wait for the answer and print it")
	f.DurationVar(&s.timeout, "timeout", 30*time.Second, "how long to wait")
	f.StringVar(&s.kind, "type", "", "a word that tells the agent what kind of message it is")
	f.StringVar(&s.conversation, "conversation", "", "a word that groups messages")
	f.BoolVar(&s.sticky, "sticky", false, "messages of one --conversation to one instance")
	f.BoolVar(&s.trace, "trace", false, "let the nodes remember its way, for \"meshd trace\"")
	f.StringVar(&s.from, "from", "", "send as this agent, which you must be allowed to speak for")
	f.StringVar(&s.id, "id", "", "the message's id; made if left out")
	f.BoolVar(&s.durable, "durable", false, "into the agent's inbox, whether it is there now or not")
	f.DurationVar(&s.ttl, "ttl", 0, "durable: how long it waits before it is a dead letter (default 7 days)")
	f.DurationVar(&s.delay, "delay", 0, "durable: not delivered before; shorter than the ttl")
	f.DurationVar(&s.redelivery, "redelivery", 0, "durable: how long a delivery waits for its acknowledgement (default 30s)")
	f.IntVar(&s.attempts, "max-attempts", 0, "durable: deliveries before it is a dead letter (default 5)")
	f.StringVar(&s.priority, "priority", "", "low, normal, high or critical: its place in the inbox")
	_ = cmd.RegisterFlagCompletionFunc("priority", priorities)
	f.BoolVar(&s.seal, "seal", false, "encrypt the body to the agent's key, here")
	f.BoolVar(&s.acceptKey, "accept-key", false, "with --seal: take the agent's new key, and remember it")
	return cmd
}

// check refuses flags that do not go together before anything is asked.
func (s *sending) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	if s.durable {
		for _, name := range []string{"wait", "timeout"} {
			if given(name) {
				return exit.New(exit.Usage, "--"+name+" is for live messages", "leave it or --durable out; the agent answers a durable message by one of its own")
			}
		}
	} else {
		for _, name := range []string{"ttl", "delay", "redelivery", "max-attempts"} {
			if given(name) {
				return exit.New(exit.Usage, "--"+name+" is for durable messages", "add --durable")
			}
		}
	}
	switch {
	case s.sticky && s.conversation == "":
		return exit.New(exit.Usage, "--sticky needs a conversation", "add --conversation WORD")
	case s.acceptKey && !s.seal:
		return exit.New(exit.Usage, "--accept-key goes with --seal", "add --seal")
	case s.seal && strings.HasPrefix(s.to, "topic/"):
		return exit.New(exit.Usage, "a topic has no key to seal to", "send to each agent by itself")
	}
	return nil
}

// most is how large BODY may be: what is sealed grows by a third.
func (s *sending) most() int {
	most := maxMessage
	if s.durable {
		most = maxDurable
	}
	if s.seal {
		most = most/4*3 - 16<<10
	}
	return most
}

// request is the body of POST /messages.
func (s *sending) request(body json.RawMessage) map[string]any {
	r := map[string]any{"to": s.to, "body": body}
	if s.durable {
		// An id makes it safe to send again when the answer was lost.
		if s.id == "" {
			if id, err := uuid.NewV7(); err == nil {
				s.id = id.String()
			}
		}
		r["durable"] = true
	} else {
		r["timeout"], r["wait"] = s.timeout.String(), s.wait
	}
	for name, text := range map[string]string{"id": s.id, "type": s.kind, "from": s.from, "conversation": s.conversation, "priority": s.priority, "key": s.key} {
		if text != "" {
			r[name] = text
		}
	}
	for name, d := range map[string]time.Duration{"ttl": s.ttl, "delay": s.delay, "redelivery": s.redelivery} {
		if d != 0 {
			r[name] = d.String()
		}
	}
	if s.attempts != 0 {
		r["max_attempts"] = s.attempts
	}
	if s.sticky {
		r["sticky"] = true
	}
	if s.key != "" {
		r["sealed"] = true
	}
	return r
}

func (s *sending) post(ctx context.Context, c *caller.Client, body json.RawMessage, parent string) (out receiptBody, err error) {
	if !s.durable && s.timeout < time.Millisecond {
		return out, exit.New(exit.Usage, "--timeout "+s.timeout.String()+" leaves no time", "give more, such as 30s")
	}
	r := caller.Request{Method: "POST", Path: "/messages", Body: s.request(body), Once: !s.durable, TraceParent: parent}
	if !s.durable {
		r.Timeout = s.timeout + replyGrace
	}
	err = c.Do(ctx, r, &out)
	return out, err
}

// acceptedText says what became of a durable message.
func acceptedText(out receiptBody) string {
	text := "accepted, as " + output.Clean(out.ID)
	switch {
	case out.Duplicate:
		return "accepted before, as " + output.Clean(out.ID)
	case out.Counts != nil:
		text = fmt.Sprintf("accepted for %d, as %s", out.Counts.Delivered, output.Clean(out.ID))
		if out.Counts.Refused > 0 {
			text += fmt.Sprintf("; %d more have no room in their inboxes", out.Counts.Refused)
		}
	case out.Known != nil && !*out.Known:
		text += "; no agent of that name was ever seen, so it waits for the first"
	}
	return text
}
