package main

import (
	"errors"
	"io"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
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

	unsaid error // why the first words that were lost were
}

// said is standard output, of which the app knows whether all was written: who
// prints a line for people does not look.
type said struct{ a *app }

// Write implements io.Writer.
func (s said) Write(b []byte) (int, error) {
	n, err := s.a.out.Write(b)
	if err != nil && s.a.unsaid == nil {
		s.a.unsaid = err
	}
	return n, err
}

// ended is how a verb ended that returned err: one whose answer was lost has
// failed.
func (a *app) ended(err error) error {
	if err != nil || a.unsaid == nil {
		return err
	}
	cause := a.unsaid
	if path := (*fs.PathError)(nil); errors.As(cause, &path) {
		cause = path.Err
	}
	return &exit.Error{
		Code: exit.Failed, Sentence: "the answer could not be written to standard output (" + cause.Error() + ")",
		Next: "what was asked for is done: look before you repeat it", Err: a.unsaid,
	}
}

// printer speaks to whoever started this.
func (a *app) printer() *output.Printer {
	return &output.Printer{
		Out: said{a}, Err: a.err, In: a.in, JSON: a.json,
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
