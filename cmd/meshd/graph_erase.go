package main

import (
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

func graphErase(a *app) *cobra.Command {
	var (
		namespace, reason            string
		edge, observation, yes, list bool
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "erase [NODE]",
		Short: "Remove a node with all its history; needs an administrator",
		Long: `erase removes a node, named by its id or key, with all that was ever said of
it: edges, observations, vectors and their history. With --edge or --observation
it removes one of those, named by its id. That it was done, when, by whom and
why is kept. It cannot be undone; backups made before still have it.`,
		Example: "  meshd graph erase ada --reason \"asked to be forgotten\"\n  meshd graph erase --observation 17 --reason \"a secret\" --yes\n  meshd graph erase --list",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			p := a.printer()
			switch {
			case list && len(args) == 0:
				return listErasures(cmd, c, p)
			case list || len(args) != 1 || edge && observation:
				return exit.New(exit.Usage, "\"meshd graph erase\" needs NODE, or the id of one --edge or --observation", "for example: meshd graph erase ada --reason \"asked to be forgotten\"")
			case reason == "":
				return exit.New(exit.Usage, "an erasure needs a --reason, which is kept", "for example: --reason \"asked to be forgotten\"")
			case (edge || observation) && !isID(args[0]):
				return exit.New(exit.Usage, "\""+args[0]+"\" is not an id", "edges and observations are named by their numbers")
			}
			body := map[string]any{"reason": reason}
			what := "the node " + args[0]
			switch q := (url.Values{}); {
			case edge:
				what, body["edge_id"] = "the edge "+args[0], jsonNumber(args[0])
			case observation:
				what, body["observation_id"] = "the observation "+args[0], jsonNumber(args[0])
			default:
				if refer(q, args[0], "id", "key"); q.Has("id") {
					body["node_id"] = jsonNumber(q.Get("id"))
				} else {
					body["session_id"], body["key"] = namespace, q.Get("key")
				}
			}
			if err := p.Confirm(cmd.Context(), "Shall "+output.Clean(what)+" be erased with all its history? It cannot be undone.", yes); err != nil {
				return err
			}
			var out struct {
				Erased bool `json:"erased"`
			}
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/erase", Body: body}, &out); err != nil {
				return err
			}
			return p.Result(out, func() error {
				p.Say("%s is erased", output.Clean(what))
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&reason, "reason", "", "why; it is kept with who did it")
	cmd.Flags().BoolVar(&edge, "edge", false, "the id is that of an edge")
	cmd.Flags().BoolVar(&observation, "observation", false, "the id is that of an observation")
	cmd.Flags().BoolVar(&list, "list", false, "list what was erased, by whom and why")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return a.completesNodes(cmd, &namespace)
}

func jsonNumber(id string) uint64 {
	n, _ := strconv.ParseUint(id, 10, 64) // isID said that it is one
	return n
}

func listErasures(cmd *cobra.Command, c *caller.Client, p *output.Printer) error {
	var out graphsync.ErasurePage
	if err := c.Get(cmd.Context(), "/graph/erasures", url.Values{"limit": {"1000"}}, &out); err != nil {
		return err
	}
	return p.Result(out, func() error {
		var rows [][]string
		for _, e := range out.Erasures {
			rows = append(rows, []string{e.Kind, strconv.FormatUint(e.ID, 10), e.SessionID, when(e.ErasedAt, e.ErasedBy), e.Reason})
		}
		return p.Table("nothing was erased", []string{"WHAT", "ID", "NAMESPACE", "WHEN", "WHY"}, rows)
	})
}
