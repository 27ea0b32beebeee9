package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// app is what every verb is given: the streams, the environment, and the flags
// that all of them share.
type app struct {
	in       io.Reader
	out, err io.Writer
	sys      config.System

	json       bool
	configFile string
	target     target
}

// printer speaks to whoever started this.
func (a *app) printer() *output.Printer {
	return &output.Printer{
		Out: a.out, Err: a.err, In: a.in, JSON: a.json,
		Colour: output.IsTerminal(a.out) && a.sys.Get("NO_COLOR") == "" && a.sys.Get("TERM") != "dumb",
	}
}

// configFlags gives cmd --config and the flags of the named keys.
func (a *app) configFlags(cmd *cobra.Command, keys ...string) {
	cmd.Flags().StringVar(&a.configFile, "config", "", "configuration file (default meshd.toml in the data directory)")
	config.AddFlags(cmd.Flags(), keys...)
}

// config reads the whole configuration for a verb that runs a node or shows
// what one would do.
func (a *app) config(cmd *cobra.Command) (*config.Config, error) {
	return interruptible(cmd.Context(), func() (*config.Config, error) {
		return config.Load(config.Options{System: a.sys, File: a.configFile, Flags: config.FromFlags(cmd.Flags())})
	})
}
