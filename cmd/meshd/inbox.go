package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/message/seal"
)

// inboxVerb is what "meshd inbox" was asked for, as flags say it.
type inboxVerb struct {
	agent string

	follow, ackAll, dead, purge, yes, final bool
	limit                                   int
	wait, lease, delay                      time.Duration
	ack, give, redrive, drop                []string
	body                                    uint64
	reason, identity                        string

	opener *seal.Identity // nil: sealed bodies are shown as they are
}

func inboxCommand(a *app) *cobra.Command {
	var v inboxVerb
	cmd := a.asks(&cobra.Command{
		Use:   "inbox AGENT",
		Short: "Look at an agent's inbox, take messages from it, follow it",
		Long: `inbox lists the durable messages that wait for an agent, in the order in which they
are delivered. It only looks, unless it is told to take: --lease takes what is due for
a while, --ack removes messages for good, --return gives them back. Messages are named
by their number, SEQ; for --ack their ids will do too.

--follow shows messages as they come, until Ctrl-C; with --ack-all each is removed once
it was shown, so that the next to follow gets the next. What could not be delivered is
shown by --dead, with the reason; --redrive puts it into the inbox again.

Bodies that were sealed to the agent are opened here, with --identity FILE.`,
		Example: "  meshd inbox reviewer\n  meshd inbox reviewer --follow --ack-all --json\n  meshd inbox reviewer --lease 5m --limit 1\n" +
			"  meshd inbox reviewer --ack 12,13\n  meshd inbox reviewer --dead\n  meshd inbox reviewer --redrive all\n  meshd inbox reviewer --body 12 > large.json",
		ValidArgsFunction: a.completing(inboxNames),
		Args:              arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			v.agent = args[0]
			if err := v.check(cmd); err != nil {
				return err
			}
			if v.identity != "" {
				text, err := readIdentity(cmd.Context(), v.identity)
				if err != nil {
					return err
				}
				if v.opener, err = seal.ParseIdentity(text); err != nil {
					return exit.New(exit.Usage, v.identity+" is no identity: "+err.Error(), "\"meshd agents key NAME --generate FILE\" makes one")
				}
			}
			return v.run(cmd.Context(), a, c)
		}),
	})
	f := cmd.Flags()
	f.BoolVar(&v.follow, "follow", false, "show messages as they come")
	f.BoolVar(&v.ackAll, "ack-all", false, "remove what was shown")
	f.IntVar(&v.limit, "limit", 0, "show so many at most (default 100; with --follow no end)")
	f.DurationVar(&v.wait, "wait", 0, "wait so long for a first message")
	f.DurationVar(&v.lease, "lease", 0, "take what is due for so long: nobody else gets it meanwhile")
	f.StringSliceVar(&v.ack, "ack", nil, "remove these messages, by SEQ or id")
	f.StringSliceVar(&v.give, "return", nil, "give these messages back, by SEQ")
	f.DurationVar(&v.delay, "delay", 0, "with --return: not delivered again before")
	f.StringVar(&v.reason, "reason", "", "with --return: why, for whoever looks")
	f.BoolVar(&v.final, "final", false, "with --return: to the dead letters, at once")
	f.BoolVar(&v.dead, "dead", false, "show the dead letters")
	f.StringSliceVar(&v.redrive, "redrive", nil, "put these dead letters into the inbox again, by SEQ, or all")
	f.StringSliceVar(&v.drop, "drop", nil, "remove these dead letters for good, by SEQ, or all")
	f.BoolVar(&v.purge, "purge", false, "make all that waits dead letters")
	f.BoolVar(&v.yes, "yes", false, "with --purge and --drop: do not ask")
	f.Uint64Var(&v.body, "body", 0, "print the body of this message as it is, by SEQ")
	f.StringVar(&v.identity, "identity", "", "open sealed bodies with the agent's identity in this file")
	return cmd
}

// check refuses flags that do not go together before anything is asked.
func (v *inboxVerb) check(cmd *cobra.Command) error {
	given := cmd.Flags().Changed
	var does []string
	for _, name := range []string{"follow", "ack", "return", "dead", "redrive", "drop", "purge", "body"} {
		if given(name) {
			does = append(does, "--"+name)
		}
	}
	with := func(name string, others ...string) error {
		if !given(name) {
			return nil
		}
		for _, o := range others {
			if o == "" && len(does) == 0 || o != "" && given(o) {
				return nil
			}
		}
		if len(does) == 0 {
			return exit.New(exit.Usage, "--"+name+" goes with --"+strings.Join(others, " or --"), "\"meshd inbox --help\" says more")
		}
		return exit.New(exit.Usage, "--"+name+" does not go with "+does[0], "\"meshd inbox --help\" says what goes with what")
	}
	for _, err := range []error{
		with("delay", "return"), with("reason", "return"), with("final", "return"), with("yes", "purge", "drop"),
		with("wait", ""), with("lease", "", "follow"), with("ack-all", "", "follow"), with("limit", "", "follow", "dead"),
	} {
		if err != nil {
			return err
		}
	}
	switch {
	case len(does) > 1:
		return exit.New(exit.Usage, strings.Join(does, " and ")+" are two things", "do one after the other")
	case given("body") && v.body == 0:
		return exit.New(exit.Usage, "--body needs the number of a message", "")
	}
	return nil
}

// run does the one thing that was asked for.
func (v *inboxVerb) run(ctx context.Context, a *app, c *caller.Client) error {
	path := "/messages/" + url.PathEscape(v.agent)
	p := a.printer()
	switch {
	case len(v.ack) > 0:
		n, err := acknowledge(ctx, c, path, v.ack)
		if err != nil {
			return err
		}
		return p.Result(map[string]int{"acknowledged": n}, func() error {
			p.Say("%d of %d are removed.", n, len(v.ack))
			return nil
		})
	case len(v.give) > 0:
		return v.giveBack(ctx, c, p, path)
	case len(v.redrive) > 0:
		return v.deadLetters(ctx, c, p, path+"/dead/redrive", "redrive", v.redrive, "redriven", "%d wait in the inbox again.")
	case len(v.drop) > 0:
		if err := p.Confirm(ctx, "Remove these dead letters for good?", v.yes); err != nil {
			return err
		}
		return v.deadLetters(ctx, c, p, path+"/dead/drop", "drop", v.drop, "dropped", "%d are removed for good.")
	case v.purge:
		if err := p.Confirm(ctx, "Make all that waits for "+v.agent+" dead letters?", v.yes); err != nil {
			return err
		}
		return count(ctx, c, p, caller.Request{Method: http.MethodDelete, Path: path}, "purged", "%d are dead letters; --redrive all takes them back.")
	case v.body > 0:
		return v.printBody(ctx, a, c, path)
	case v.follow:
		return v.followInbox(ctx, c, p, path)
	}
	return v.list(ctx, c, p, path)
}

// acknowledge removes messages by number or id, and says how many were there.
func acknowledge(ctx context.Context, c *caller.Client, path string, names []string) (int, error) {
	body := map[string]any{}
	var seqs []uint64
	var ids []string
	for _, name := range names {
		if seq, err := strconv.ParseUint(name, 10, 64); err == nil {
			seqs = append(seqs, seq)
		} else {
			ids = append(ids, name)
		}
	}
	if len(seqs) > 0 {
		body["seqs"] = seqs
	}
	if len(ids) > 0 {
		body["message_ids"] = ids
	}
	return counted(ctx, c, caller.Request{Method: http.MethodPost, Path: path + "/ack", Body: body}, "X-Mesh-Acknowledged")
}

// counted asks for something that says in a header how many it was about.
func counted(ctx context.Context, c *caller.Client, r caller.Request, header string) (int, error) {
	res, err := c.Open(ctx, r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	n, _ := strconv.Atoi(res.Header.Get(header))
	return n, nil
}

// numbers reads SEQs.
func numbers(flag string, names []string) ([]uint64, error) {
	var seqs []uint64
	for _, name := range names {
		seq, err := strconv.ParseUint(name, 10, 64)
		if err != nil || seq == 0 {
			return nil, exit.New(exit.Usage, "--"+flag+" "+output.Clean(name)+" is no number of a message", "the first column of \"meshd inbox AGENT\" has them")
		}
		seqs = append(seqs, seq)
	}
	return seqs, nil
}

func (v *inboxVerb) giveBack(ctx context.Context, c *caller.Client, p *output.Printer, path string) error {
	seqs, err := numbers("return", v.give)
	if err != nil {
		return err
	}
	body := map[string]any{"seqs": seqs, "final": v.final}
	if v.delay > 0 {
		body["delay"] = v.delay.String()
	}
	if v.reason != "" {
		body["reason"] = v.reason
	}
	n, err := counted(ctx, c, caller.Request{Method: http.MethodPost, Path: path + "/return", Body: body}, "X-Mesh-Returned")
	if err != nil {
		return err
	}
	return p.Result(map[string]int{"returned": n}, func() error {
		p.Say("%d of %d are given back.", n, len(seqs))
		return nil
	})
}

// deadLetters does something with dead letters that are named, or with all.
func (v *inboxVerb) deadLetters(ctx context.Context, c *caller.Client, p *output.Printer, path, flag string, names []string, field, sentence string) error {
	body := map[string]any{"all": true}
	if len(names) != 1 || names[0] != "all" {
		seqs, err := numbers(flag, names)
		if err != nil {
			return err
		}
		body = map[string]any{"seqs": seqs}
	}
	return count(ctx, c, p, caller.Request{Method: http.MethodPost, Path: path, Body: body}, field, sentence)
}

// count asks for something whose answer is how many.
func count(ctx context.Context, c *caller.Client, p *output.Printer, r caller.Request, field, sentence string) error {
	var out map[string]int
	if err := c.Do(ctx, r, &out); err != nil {
		return err
	}
	return p.Result(out, func() error {
		p.Say(sentence, out[field])
		return nil
	})
}

// printBody writes a body as it is, or opened.
func (v *inboxVerb) printBody(ctx context.Context, a *app, c *caller.Client, path string) error {
	var body json.RawMessage
	err := c.Do(ctx, caller.Request{Method: http.MethodGet, Path: path + "/" + strconv.FormatUint(v.body, 10) + "/body", Timeout: 5 * time.Minute}, &body)
	if err != nil {
		return err
	}
	if v.opener != nil {
		if body, err = v.opener.Open(body); err != nil {
			return exit.New(exit.Refused, err.Error(), "")
		}
	}
	_, err = a.out.Write(append(body, '\n'))
	return err
}
