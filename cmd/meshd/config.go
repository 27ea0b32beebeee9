package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
)

func configCommand(a *app) *cobra.Command {
	show := &cobra.Command{
		Use:     "show",
		Short:   "Show every setting and where it came from, without secrets",
		Example: "  meshd config show",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config(cmd)
			if err != nil {
				return err
			}
			settings, p := c.Settings(), a.printer()
			return p.Result(settings, func() error {
				var rows [][]string
				for _, s := range settings {
					rows = append(rows, []string{s.Key, plain(s.Value), s.Source})
				}
				return p.Table("", []string{"KEY", "VALUE", "FROM"}, rows)
			})
		},
	}
	check := &cobra.Command{
		Use:     "check",
		Short:   "Check the file, the environment and the flags",
		Example: "  meshd config check --config meshd.toml",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config(cmd)
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(map[string]any{"ok": true, "data": c.Data}, func() error {
				p.Say("the configuration is good; the node's directory is %s", c.Data)
				return nil
			})
		},
	}
	for _, c := range []*cobra.Command{show, check} {
		a.configFlags(c, config.Flagged()...)
	}
	return group("config", "Show or check the configuration", "  meshd config show", show, check)
}

// plain is a setting's value for a table.
func plain(v any) string {
	switch v := v.(type) {
	case []string:
		return strings.Join(v, ", ")
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	}
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(data)
}
