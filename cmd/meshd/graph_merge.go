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

// mergeBody is the answer of POST /graph/merge.
type mergeBody struct {
	Merge graphsync.Merge `json:"merge"`
	Node  graphsync.Node  `json:"node"`
}

func graphMerge(a *app) *cobra.Command {
	var (
		namespace, undo string
		list            bool
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "merge [SOURCE] [TARGET]",
		Short: "Make two nodes one, or undo that",
		Long: `merge makes two nodes one: TARGET stays, and takes the keys of SOURCE as
aliases, its edges, its observations and the properties it lacked. SOURCE ends.
The number that is printed undoes it.`,
		Example: "  meshd graph merge augusta ada\n  meshd graph merge --undo 31\n  meshd graph merge --list",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			switch {
			case list && len(args) == 0 && undo == "":
				return a.listMerges(cmd, c, namespace)
			case undo != "" && len(args) == 0 && !list:
				return a.undoMerge(cmd, c, undo)
			case list || undo != "" || len(args) != 2:
				return exit.New(exit.Usage, "\"meshd graph merge\" takes SOURCE and TARGET, or --undo, or --list", "for example: meshd graph merge augusta ada")
			}
			body := map[string]any{"session_id": namespace}
			for i, end := range []string{"source", "target"} {
				id, err := resolve(cmd, c, namespace, args[i])
				if err != nil {
					return err
				}
				body[end+"_id"] = id
			}
			var out mergeBody
			if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/merge", Body: body}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				p.Say("%s", output.Clean(out.Node.Label)+" now is both, with "+strconv.Itoa(out.Merge.Edges)+" edges and "+strconv.Itoa(out.Merge.Said)+" observations of the other")
				p.Hint("\"meshd graph merge --undo %d\" takes it back.", out.Merge.ID)
				return nil
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&undo, "undo", "", "undo the merge with this number")
	cmd.Flags().BoolVar(&list, "list", false, "list the merges that can be undone")
	return a.completesNodes(cmd, &namespace)
}

func (a *app) undoMerge(cmd *cobra.Command, c *caller.Client, id string) error {
	if !isID(id) {
		return exit.New(exit.Usage, "--undo does not take \""+id+"\"", "give the number that the merge printed; \"meshd graph merge --list\" shows it")
	}
	var n graphsync.Node
	if err := c.Do(cmd.Context(), caller.Request{Method: "POST", Path: "/graph/merge/" + id + "/undo"}, &n); err != nil {
		return err
	}
	p := a.printer()
	return p.Result(n, func() error {
		p.Say("%s is a node of its own again: %d", output.Clean(n.Label), n.ID)
		return nil
	})
}

func (a *app) listMerges(cmd *cobra.Command, c *caller.Client, namespace string) error {
	var out graphsync.MergePage
	if err := c.Get(cmd.Context(), "/graph/merge", url.Values{"session_id": {namespace}, "limit": {"1000"}}, &out); err != nil {
		return err
	}
	p := a.printer()
	return p.Result(out, func() error {
		var rows [][]string
		for _, m := range out.Merges {
			rows = append(rows, []string{strconv.FormatUint(m.ID, 10), m.Label, strconv.FormatUint(m.TargetID, 10), when(m.MergedAt, m.MergedBy)})
		}
		return p.Table("no merge can be undone", []string{"MERGE", "WAS", "IS NOW IN", "WHEN"}, rows)
	})
}

func graphDuplicates(a *app) *cobra.Command {
	var (
		namespace, nodeType, cursor string
		score                       float64
		limit                       int
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:     "duplicates",
		Short:   "Suggest nodes that may be one",
		Example: "  meshd graph duplicates\n  meshd graph duplicates --type person --min-score 0.9",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "limit": {strconv.Itoa(limit)}, "min_score": {strconv.FormatFloat(score, 'g', -1, 64)}}
			if nodeType != "" {
				q.Set("node_type", nodeType)
			}
			if cursor != "" {
				q.Set("cursor", cursor)
			}
			var out graphsync.DuplicatePage
			if err := c.Get(cmd.Context(), "/graph/duplicates", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				var rows [][]string
				for _, d := range out.Pairs {
					rows = append(rows, []string{strconv.FormatUint(d.A.ID, 10), d.A.Label, strconv.FormatUint(d.B.ID, 10), d.B.Label, percent(&d.Score), d.Why})
				}
				err := p.Table("none are alike", []string{"ID", "NODE", "ID", "NODE", "ALIKE", "WHY"}, rows)
				more(p, out.Cursor)
				if len(rows) > 0 {
					p.Hint("\"meshd graph merge SOURCE TARGET\" makes two one; an edge %s between two says that they are not.", graphsync.DifferentFrom)
				}
				return err
			})
		}),
	}), &namespace)
	cmd.Flags().StringVar(&nodeType, "type", "", "only nodes of this type")
	cmd.Flags().Float64Var(&score, "min-score", graphsync.DefaultMinScore, "how alike they must be, 0 to 1")
	cmd.Flags().IntVar(&limit, "limit", 100, "how many pairs at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page before ended")
	return cmd
}
