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
	"github.com/meshd/meshd/graphsync"
)

func syncCommand(a *app) *cobra.Command {
	return group("sync", "See and settle what clients that work offline bring", "  meshd sync status -n notes\n  meshd sync conflicts",
		syncStatus(a), syncConflicts(a), syncResolve(a), syncClients(a))
}

// syncState is where a namespace stands.
type syncState struct {
	SessionID      string     `json:"session_id"`
	GraphName      string     `json:"graph_name"`
	SyncEnabled    bool       `json:"sync_enabled"`
	Strategy       string     `json:"conflict_resolution_strategy"`
	VectorClock    string     `json:"vector_clock"`
	LastSyncAt     *time.Time `json:"last_sync_at,omitempty"`
	PendingChanges int        `json:"pending_changes"`
	Conflicts      uint64     `json:"conflicts"`
	Revision       uint64     `json:"revision"`
	OldestRevision uint64     `json:"oldest_revision"`
	Token          string     `json:"token"`
}

func syncStatus(a *app) *cobra.Command {
	var namespace string
	return inNamespace(a.asks(&cobra.Command{
		Use:     "status",
		Short:   "Show where a namespace stands for clients that work offline",
		Example: "  meshd sync status -n notes\n  meshd sync status --json | jq -r .token",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			var out syncState
			if err := c.Get(cmd.Context(), "/sync/status", url.Values{"ns": {namespace}}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				takes, last := "yes; what clients and others both changed: "+strategyWords[out.Strategy], "never"
				if !out.SyncEnabled {
					takes = "no"
				}
				if out.LastSyncAt != nil {
					last = out.LastSyncAt.Local().Format(time.DateTime)
				}
				for _, line := range [][2]string{
					{"takes pushes", takes},
					{"last push", last},
					{"changed in the last hour", strconv.Itoa(out.PendingChanges) + " times"},
					{"open conflicts", strconv.FormatUint(out.Conflicts, 10)},
					{"changes are kept", "from revision " + strconv.FormatUint(out.OldestRevision, 10) + " to " + strconv.FormatUint(out.Revision, 10)},
				} {
					p.Say("%-26s%s", line[0], line[1])
				}
				if out.Conflicts > 0 {
					p.Hint("\"meshd sync conflicts\" lists the conflicts")
				}
				return nil
			})
		}),
	}), &namespace)
}

// strategyWords say what a strategy does.
var strategyWords = map[string]string{
	graphsync.StrategyVectorClock:   "what stands stays, and a conflict is listed",
	graphsync.StrategyLastWriteWins: "the later write wins",
	graphsync.StrategyManual:        "both are kept, and a conflict is listed",
}

// syncConflictLine is a conflict as far as it is shown.
type syncConflictLine struct {
	graphsync.Conflict
	GraphName string `json:"graph_name"`
}

func (l *syncConflictLine) namespace() string {
	return graphsync.GraphNamespace(l.SessionID, l.GraphName)
}

func syncConflicts(a *app) *cobra.Command {
	var (
		namespace, cursor string
		limit             int
	)
	cmd := a.asks(&cobra.Command{
		Use:   "conflicts [ID]",
		Short: "List what was pushed and is at odds with what others did",
		Long: `conflicts lists the mutations that clients made while they were cut off and that
could not simply take effect, because others had changed the same meanwhile. With
an ID it shows one whole: what was pushed, what it met and what is now. "meshd sync
resolve" settles them.`,
		Example: "  meshd sync conflicts\n  meshd sync conflicts -n notes --json | jq '.[].id'\n  meshd sync conflicts 31",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			p := a.printer()
			if len(args) == 1 {
				id, err := conflictID(args[0])
				if err != nil {
					return err
				}
				raw, err := findConflict(cmd.Context(), c, namespace, id)
				if err != nil {
					return err
				}
				return p.Result(raw, func() error { return showConflict(p, raw) })
			}
			raw, next, err := conflictPage(cmd.Context(), c, namespace, cursor, limit)
			if err != nil {
				return err
			}
			return p.Result(raw, func() error {
				var rows [][]string
				for _, r := range raw {
					l, err := readConflict(r)
					if err != nil {
						return err
					}
					rows = append(rows, []string{strconv.FormatUint(l.ID, 10), output.Clean(l.namespace()), what(&l.Conflict), l.Pushed.Op,
						strings.TrimSpace(l.Reason + " " + strings.Join(l.Fields, ", ")), when(l.DetectedAt, l.Author)})
				}
				err := p.Table("there are no conflicts", []string{"ID", "NAMESPACE", "OF", "PUSHED", "WHY", "WHEN"}, rows)
				more(p, next)
				return err
			})
		}),
	})
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "of this namespace only (session_id over HTTP)")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page before ended")
	cmd.ValidArgsFunction = a.completing(func(ctx context.Context, c *caller.Client) []string { return conflictIDs(ctx, c, namespace) })
	return cmd
}

func what(c *graphsync.Conflict) string {
	if c.EntityID == 0 {
		return c.EntityType
	}
	return c.EntityType + " " + strconv.FormatUint(c.EntityID, 10)
}

func conflictID(word string) (uint64, error) {
	id, err := strconv.ParseUint(word, 10, 64)
	if err != nil || id == 0 {
		return 0, exit.New(exit.Usage, "\""+word+"\" is not the id of a conflict", "\"meshd sync conflicts\" lists them")
	}
	return id, nil
}

func readConflict(raw json.RawMessage) (l syncConflictLine, err error) {
	return l, json.Unmarshal(raw, &l)
}

// conflictPage reads a page; next is the cursor of the one behind it.
func conflictPage(ctx context.Context, c *caller.Client, namespace, cursor string, limit int) (list []json.RawMessage, next string, err error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if namespace != "" {
		q.Set("ns", namespace)
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	res, err := c.Open(ctx, caller.Request{Method: http.MethodGet, Path: "/sync/conflicts", Query: q, Own: true})
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	list = []json.RawMessage{}
	err = json.NewDecoder(res.Body).Decode(&list)
	return list, res.Header.Get("X-Next-Cursor"), err
}

func findConflict(ctx context.Context, c *caller.Client, namespace string, id uint64) (json.RawMessage, error) {
	for cursor := ""; ; {
		page, next, err := conflictPage(ctx, c, namespace, cursor, graphsync.MaxLimit)
		if err != nil {
			return nil, err
		}
		for _, raw := range page {
			if l, err := readConflict(raw); err != nil || l.ID == id {
				return raw, err
			}
		}
		if cursor = next; cursor == "" {
			return nil, exit.New(exit.Refused, "no open conflict has the id "+strconv.FormatUint(id, 10), "\"meshd sync conflicts\" lists them")
		}
	}
}

func showConflict(p *output.Printer, raw json.RawMessage) error {
	l, err := readConflict(raw)
	if err != nil {
		return err
	}
	pushed, err := json.Marshal(l.Pushed)
	if err != nil {
		return err
	}
	p.Say("conflict %d: %s of %s in %s, %s", l.ID, l.Pushed.Op, what(&l.Conflict), output.Clean(l.namespace()), strings.TrimSpace(l.Reason+" "+strings.Join(l.Fields, ", ")))
	for _, part := range []struct {
		name string
		text []byte
	}{{"pushed", pushed}, {"then", l.Then}, {"now", l.Current}} {
		if len(part.text) > 0 {
			p.Say("%-8s%s", part.name, output.Clean(string(part.text)))
		}
	}
	p.Hint("\"meshd sync resolve %d --keep pushed\", or current, settles it", l.ID)
	return nil
}

func syncResolve(a *app) *cobra.Command {
	var keep, namespace, custom string
	cmd := a.asks(&cobra.Command{
		Use:   "resolve ID",
		Short: "Settle a conflict",
		Long: `resolve settles a conflict for good: --keep current leaves what is, --keep pushed
has what the client wanted take effect now, and --custom gives an operation, as of
POST /graph/batch, that takes effect in place of both.`,
		Example: "  meshd sync resolve 31 --keep pushed\n  meshd sync resolve 31 --custom '{\"op\":\"update_node\",\"label\":\"Ada, Countess of Lovelace\"}'",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			id, err := conflictID(args[0])
			if err != nil {
				return err
			}
			body := map[string]any{"keep": keep}
			switch {
			case custom != "" && keep != "":
				return exit.New(exit.Usage, "--keep and --custom are both given", "keep one of them")
			case custom != "":
				if !json.Valid([]byte(custom)) {
					return exit.New(exit.Usage, "--custom is not JSON", `for example: --custom '{"op":"update_node","label":"x"}'`)
				}
				body["keep"], body["custom"] = graphsync.KeepCustom, json.RawMessage(custom)
			case keep != graphsync.KeepCurrent && keep != graphsync.KeepPushed:
				return exit.New(exit.Usage, "\"meshd sync resolve\" needs --keep current or pushed, or --custom", "\"meshd sync conflicts "+args[0]+"\" shows what there is")
			}
			if namespace != "" {
				body["session_id"] = namespace
			}
			var out graphsync.OpResult
			if err := c.Do(cmd.Context(), caller.Request{Method: http.MethodPost, Path: "/sync/conflicts/" + strconv.FormatUint(id, 10) + "/resolve", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("conflict %d is settled", id)
				return nil
			})
		}),
	})
	cmd.Flags().StringVar(&keep, "keep", "", "current or pushed")
	cmd.Flags().StringVar(&custom, "custom", "", "operation that takes effect in place of both, as JSON")
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "the conflict's namespace; looked for if left out")
	_ = cmd.RegisterFlagCompletionFunc("keep", cobra.FixedCompletions([]string{graphsync.KeepCurrent, graphsync.KeepPushed}, cobra.ShellCompDirectiveNoFileComp))
	cmd.ValidArgsFunction = a.completing(func(ctx context.Context, c *caller.Client) []string { return conflictIDs(ctx, c, namespace) })
	return cmd
}

// conflictIDs are for completion.
func conflictIDs(ctx context.Context, c *caller.Client, namespace string) (words []string) {
	page, _, err := conflictPage(ctx, c, namespace, "", 100)
	if err != nil {
		return nil
	}
	for _, raw := range page {
		if l, err := readConflict(raw); err == nil {
			words = append(words, cobra.CompletionWithDesc(strconv.FormatUint(l.ID, 10), output.Clean(l.Pushed.Op+" of "+what(&l.Conflict)+", "+l.Reason)))
		}
	}
	return words
}
