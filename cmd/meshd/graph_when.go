package main

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// whenFlags say which state of the graph a verb shows, and of which time of the
// world.
type whenFlags struct{ asOf, validAt string }

func (w *whenFlags) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&w.asOf, "as-of", "", "show the graph as it was: a revision, or a time like 2026-01-31 or 2026-01-31T12:00:00Z")
	cmd.Flags().StringVar(&w.validAt, "valid-at", "", "show what is true at this time, or \"any\" (default now)")
	return cmd
}

func (w *whenFlags) set(q url.Values) error {
	if w.asOf != "" {
		text := w.asOf
		if !isID(text) {
			t, err := timeWord("--as-of", text)
			if err != nil {
				return err
			}
			text = t.Format(time.RFC3339Nano)
		}
		q.Set("as_of", text)
	}
	switch w.validAt {
	case "":
	case "any":
		q.Set("valid_at", "any")
	default:
		t, err := timeWord("--valid-at", w.validAt)
		if err != nil {
			return err
		}
		q.Set("valid_at", t.Format(time.RFC3339Nano))
	}
	return nil
}

// timeWord reads a time as people write it; a day alone begins at midnight UTC.
func timeWord(flag, word string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, word); err == nil {
			return t, nil
		}
	}
	return time.Time{}, exit.New(exit.Usage, flag+" does not take \""+word+"\"", "give a time like 2026-01-31 or 2026-01-31T12:00:00Z")
}

// toldFlags are what a fact or an observation says about the world.
type toldFlags struct {
	validFrom, validTo, provenance, expires string
	confidence                              float64
}

func (f *toldFlags) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&f.validFrom, "valid-from", "", "so since then, like 2026-01-31 (default ever)")
	cmd.Flags().StringVar(&f.validTo, "valid-to", "", "so until just before then (default for ever)")
	cmd.Flags().StringVar(&f.provenance, "provenance", "", "where it comes from: an address, a document, a message")
	cmd.Flags().Float64Var(&f.confidence, "confidence", 0, "how sure it is, 0 to 1")
	cmd.Flags().StringVar(&f.expires, "expires", "", "ended by itself then")
	return cmd
}

// set puts what was given into a request's body.
func (f *toldFlags) set(cmd *cobra.Command, body map[string]any) error {
	for _, at := range []struct{ flag, field, word string }{
		{"--valid-from", "valid_from", f.validFrom}, {"--valid-to", "valid_to", f.validTo}, {"--expires", "expires_at", f.expires},
	} {
		if at.word == "" {
			continue
		}
		t, err := timeWord(at.flag, at.word)
		if err != nil {
			return err
		}
		body[at.field] = t
	}
	if f.provenance != "" {
		body["provenance"] = f.provenance
	}
	if cmd.Flags().Changed("confidence") {
		body["confidence"] = f.confidence
	}
	return nil
}

// span is when a fact is so, for people.
func span(p graphsync.Provenance) string {
	from, to := "", ""
	if p.ValidFrom != nil {
		from = p.ValidFrom.Local().Format(time.DateOnly)
	}
	if p.ValidTo != nil {
		to = p.ValidTo.Local().Format(time.DateOnly)
	}
	switch {
	case from == "" && to == "":
		return ""
	case to == "":
		return "since " + from
	case from == "":
		return "until " + to
	}
	return from + " to " + to
}

// percent is a confidence for people.
func percent(c *float64) string {
	if c == nil {
		return ""
	}
	return strconv.Itoa(int(*c*100+0.5)) + " %"
}

// directions completes --direction.
func directions(cmd *cobra.Command) *cobra.Command {
	_ = cmd.RegisterFlagCompletionFunc("direction", cobra.FixedCompletions([]string{"both", "outgoing", "incoming"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// completesNodes offers the keys of nodes whose labels begin with what was
// typed, for the verb's words.
func (a *app) completesNodes(cmd *cobra.Command, namespace *string) *cobra.Command {
	cmd.ValidArgsFunction = func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		c, err := a.client(cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
		defer cancel()
		q := url.Values{"session_id": {*namespace}, "limit": {"30"}, "detail": {"summary"}}
		path := "/graph/nodes"
		if typed != "" {
			path = "/graph/find"
			q.Set("prefix", typed)
		}
		var page struct {
			Nodes []graphsync.Node `json:"nodes"`
		}
		if c.Get(ctx, path, q, &page) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []string
		for _, n := range page.Nodes {
			word := n.Key
			if word == "" {
				word = strconv.FormatUint(n.ID, 10)
			}
			words = append(words, cobra.CompletionWithDesc(output.Clean(word), output.Clean(n.Label)))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}
