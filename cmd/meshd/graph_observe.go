package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

func graphObserve(a *app) *cobra.Command {
	var (
		namespace string
		told      toldFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "observe NODE TEXT",
		Short: "Say something of a node; without effect where it was said already",
		Example: `  meshd graph observe ada "wrote the first program"
  meshd graph observe ada "lives in London" --valid-from 1835-07-08 --provenance "a letter" --confidence 0.9`,
		Args: arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			id, err := resolve(cmd, c, namespace, args[0])
			if err != nil {
				return err
			}
			body := map[string]any{"text": args[1]}
			if err := told.set(cmd, body); err != nil {
				return err
			}
			var out graphsync.Observation
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/nodes/" + strconv.FormatUint(id, 10) + "/observations", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%d", out.ID)
				return nil
			})
		}),
	}), &namespace)
	return a.completesNodes(told.flags(cmd), &namespace)
}

func graphObservations(a *app) *cobra.Command {
	var (
		namespace, cursor string
		limit             int
		when              whenFlags
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "observations NODE",
		Short:   "List what was observed of a node",
		Example: "  meshd graph observations ada\n  meshd graph observations ada --as-of 2026-01-31 --valid-at any",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			id, err := resolveAt(cmd, c, namespace, args[0], when)
			if err != nil {
				return err
			}
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			if err := when.set(q); err != nil {
				return err
			}
			var out graphsync.ObservationPage
			if err := c.Get(cmd.Context(), "/graph/nodes/"+strconv.FormatUint(id, 10)+"/observations", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				var rows [][]string
				for _, o := range out.Observations {
					rows = append(rows, []string{strconv.FormatUint(o.ID, 10), o.Text, span(o.Provenance), percent(o.Confidence), o.Provenance.Provenance})
				}
				err := p.Table("nothing was observed of it", []string{"ID", "TEXT", "SO", "SURE", "SOURCE"}, rows)
				more(p, out.Cursor)
				return err
			})
		}),
	}), &namespace)
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page before ended")
	return a.completesNodes(when.flags(cmd), &namespace)
}

// more says how to go on behind a page.
func more(p *output.Printer, cursor string) {
	if cursor != "" {
		p.Hint("There is more: --cursor %s", output.Clean(cursor))
	}
}

func graphAlias(a *app) *cobra.Command {
	verb := func(use, short, op string) *cobra.Command {
		var namespace string
		cmd := inNamespace(a.asks(&cobra.Command{
			Use:     use + " NODE ALIAS",
			Short:   short,
			Example: "  meshd graph alias " + use + " ada \"Countess of Lovelace\"",
			Args:    arguments,
			RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
				id, err := resolve(cmd, c, namespace, args[0])
				if err != nil {
					return err
				}
				body := map[string]any{"session_id": namespace, "ops": []graphsync.Op{{Op: op, ID: id, Alias: args[1]}}}
				if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/batch", Body: body}, nil); err != nil {
					return err
				}
				n, err := fetchNode(cmd, c, namespace, strconv.FormatUint(id, 10), whenFlags{})
				if err != nil {
					return err
				}
				p := a.printer()
				return p.Result(n, func() error { return printNode(p, n) })
			}),
		}), &namespace)
		return a.completesNodes(cmd, &namespace)
	}
	return group("alias", "Give a node other keys, or take them away", "  meshd graph alias add ada \"Countess of Lovelace\"",
		verb("add", "Give a node another key", graphsync.OpAddAlias), verb("remove", "Take another key from a node", graphsync.OpRemoveAlias))
}
