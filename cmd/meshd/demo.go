package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/demo"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

func demoCommand(a *app) *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a mesh of three nodes at work on this machine",
		Long: `demo starts three real nodes as processes on loopback, joins them with a token,
loads meshd's own package graph, asks, writes, kills the leader, brings it back,
and compares. It touches nothing outside a temporary directory, and exits 0 only
if all of it held.`,
		Example: `  meshd demo
  meshd demo --keep`,
		Args: arguments,
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the mesh running and say how to use it")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		binary, err := os.Executable()
		if err != nil {
			return err
		}
		dir, err := demo.NewDir()
		if err != nil {
			return err
		}
		p := a.printer()
		d, report, err := demo.Run(cmd.Context(), demo.Options{
			Binary: binary, Dir: dir,
			Headline: func(s string) { p.Say("\n%s", p.Mark(output.Bold, s)) },
			Detail:   func(s string) { p.Say("  %s %s", p.Mark(output.Green, "•"), output.Clean(s)) },
		})
		if err != nil || !keep {
			d.Close()
			if err == nil {
				err = os.RemoveAll(dir)
			} else if cmd.Context().Err() == nil {
				err = fmt.Errorf("%w; the nodes' logs are in %s", err, dir)
			} else {
				_ = os.RemoveAll(dir)
			}
			if err != nil {
				return err
			}
		}
		return p.Result(report, func() error {
			p.Say("\n%s", p.Mark(output.Green, "All of it held."))
			if keep {
				ids := strings.Trim(fmt.Sprint(d.Processes()), "[]")
				p.Say("\nThe mesh runs on. Look at it:\n\n  %s\n  meshd ask librarian what depends on go.etcd.io/bbolt --data %s/alpha\n\nStop and delete it:\n\n  kill %s; rm -r %s", strings.Join(d.Access(), "\n  "), dir, ids, dir)
			}
			return nil
		})
	}
	return cmd
}
