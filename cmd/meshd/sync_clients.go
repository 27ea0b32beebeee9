package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

func syncClients(a *app) *cobra.Command {
	var (
		cursor string
		limit  int
	)
	cmd := a.asks(&cobra.Command{
		Use:   "clients",
		Short: "List the clients that the mesh remembers for what they push",
		Long: `clients lists those that have pushed, the ones first that have not for longest. What
each pushed last is remembered, so that nothing is done twice, for 90 days and
longer where there is room. "meshd sync clients forget" frees what a client that
never comes back takes.`,
		Example: "  meshd sync clients\n  meshd sync clients --limit 20 --json | jq -r '.clients[].id'",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			page, err := syncClientPage(cmd.Context(), c, limit, cursor)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(page, func() error {
				var rows [][]string
				for _, l := range page.Clients {
					rows = append(rows, []string{l.ID, output.Clean(l.ClientID), output.Clean(l.SessionID), output.Clean(l.Author), l.LastPush.Local().Format(time.DateTime), strconv.FormatUint(l.LastSeq, 10)})
				}
				err := p.Table("no client has pushed", []string{"ID", "CLIENT", "NAMESPACE", "BY", "LAST PUSH", "MUTATIONS"}, rows)
				more(p, page.Cursor)
				return err
			})
		}),
	})
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page before ended")
	cmd.AddCommand(syncForget(a))
	return cmd
}

func syncForget(a *app) *cobra.Command {
	cmd := a.asks(&cobra.Command{
		Use:   "forget ID…",
		Short: "Forget clients that never come back",
		Long: `forget makes the mesh forget clients, by the ids that "meshd sync clients" lists. What
they pushed stays. One that comes back all the same is told that it is unknown, and
goes on under another name; what it had sent and not heard of may be done twice.`,
		Example: "  meshd sync clients forget 6f1c0d5e2b7a49d8a3e1f0c2b4d6e8fa",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, ids []string, c *caller.Client) error {
			p := a.printer()
			for _, id := range ids {
				if err := c.Do(cmd.Context(), caller.Request{Method: http.MethodDelete, Path: "/sync/clients/" + url.PathEscape(id)}, nil); err != nil {
					return err
				}
				if !a.json {
					p.Say("%s is forgotten", id)
				}
			}
			return p.Result(map[string][]string{"forgotten": ids}, func() error { return nil })
		}),
	})
	cmd.ValidArgsFunction = a.completing(func(ctx context.Context, c *caller.Client) (words []string) {
		page, err := syncClientPage(ctx, c, 100, "")
		if err != nil {
			return nil
		}
		for _, l := range page.Clients {
			words = append(words, cobra.CompletionWithDesc(l.ID, output.Clean(l.ClientID+" in "+l.SessionID)))
		}
		return words
	})
	return cmd
}

func syncClientPage(ctx context.Context, c *caller.Client, limit int, cursor string) (page graphsync.SyncClientsPage, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	return page, c.Get(ctx, "/sync/clients", q, &page)
}
