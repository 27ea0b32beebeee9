package main

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync"
)

// searchAnswer is GET /graph/search.
type searchAnswer struct {
	Nodes []graphsync.Node `json:"nodes"`
	Count int              `json:"count"`
	Hits  []struct {
		ID         uint64   `json:"id"`
		Score      float64  `json:"score,omitempty"`
		Field      string   `json:"field,omitempty"`
		Name       string   `json:"name,omitempty"`
		Snippet    string   `json:"snippet,omitempty"`
		Highlights [][2]int `json:"highlights,omitempty"`
	} `json:"hits,omitempty"`
	Cursor        string `json:"cursor,omitempty"`
	Truncated     bool   `json:"truncated,omitempty"`
	Mode          string `json:"mode,omitempty"`
	IndexRevision uint64 `json:"index_revision,omitempty"`
	Partial       bool   `json:"partial,omitempty"`
}

func graphSearch(a *app) *cobra.Command {
	var (
		namespace, match, nodeType, language, since, before, near, cursor string
		limit                                                             int
	)
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "search TEXT...",
		Short: "Find nodes by what is said of them",
		Long: "Find nodes by the words in their labels, keys, aliases, types, properties and observations, the best first.\n" +
			"+word must be there, -word must not, \"two words\" stand together, begin* begins so, wrod~ is a letter off.",
		Example: "  meshd graph search difference engine\n  meshd graph search '+engine -steam' --type machine\n  meshd graph search 10.0.0. --match substring",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			q := url.Values{"session_id": {namespace}, "q": {strings.Join(args, " ")}, "match": {match}, "limit": {strconv.Itoa(limit)}}
			for name, value := range map[string]string{"node_type": nodeType, "language": language, "updated_since": since, "updated_before": before, "cursor": cursor} {
				if value != "" {
					q.Set(name, value)
				}
			}
			if near != "" {
				id, err := resolve(cmd, c, namespace, near)
				if err != nil {
					return err
				}
				q.Set("near", strconv.FormatUint(id, 10))
			}
			var out searchAnswer
			if err := c.Get(cmd.Context(), "/graph/search", q, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error { return printHits(p, &out) })
		}),
	}), &namespace)
	cmd.Flags().StringVar(&match, "match", "words", "words or substring, or for labels alone exact, prefix or contains")
	cmd.Flags().StringVar(&nodeType, "type", "", "find nodes of this type only")
	cmd.Flags().StringVar(&language, "language", "", "whose forms of words count as the same: en, de, fr and others, or none")
	cmd.Flags().StringVar(&since, "since", "", "changed last at this time or later, like 2026-01-31T12:00:00Z")
	cmd.Flags().StringVar(&before, "before", "", "changed last before this time")
	cmd.Flags().StringVar(&near, "near", "", "rank higher what is at most two edges from this node")
	cmd.Flags().IntVar(&limit, "limit", 20, "how many nodes at most")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a page ended")
	return cmd
}

func printHits(p *output.Printer, out *searchAnswer) error {
	var rows [][]string
	for i, n := range out.Nodes {
		why := ""
		if i < len(out.Hits) {
			h := &out.Hits[i]
			why = strings.Join(strings.Fields(h.Snippet), " ")
			if h.Field != "" && h.Field != "label" {
				why = h.Field + ": " + why
			}
		}
		rows = append(rows, []string{strconv.FormatUint(n.ID, 10), n.NodeType, n.Label, why})
	}
	err := p.Table("nothing was found", []string{"ID", "TYPE", "LABEL", "WHERE"}, rows)
	if out.Cursor != "" {
		p.Hint("There is more: --cursor %s", out.Cursor)
	}
	return err
}
