package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// target is the node a verb asks, as flags say it.
type target struct{ node, pin, key, keyFile string }

// asks gives cmd the flags that name the node to ask.
func (a *app) asks(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&a.target.node, "node", "", "ask this node, https://HOST:PORT, in place of the local one (MESHD_NODE)")
	f.StringVar(&a.target.pin, "pin", "", "key or certificate the node must show, as \"meshd cert\" prints it (MESHD_PIN)")
	f.StringVar(&a.target.key, "key", "", "API key; better in MESHD_KEY or --key-file, since other users can see arguments")
	f.StringVar(&a.target.keyFile, "key-file", "", "file with the API key, - for standard input (MESHD_KEY_FILE)")
	return cmd
}

// client finds the node a verb asks: the flags' --node, else the flags'
// --data, else the environment's node, else the data directory's.
func (a *app) client(cmd *cobra.Command) (*caller.Client, error) {
	data, err := a.data(cmd)
	if err != nil {
		return nil, err
	}
	o := caller.Options{Data: data, DataFlag: a.sys.DataFlag(data), Cache: a.sys.Cache(), Version: version(), Node: a.target.node, Pin: a.target.pin}
	if o.Node == "" && !cmd.Flags().Changed("data") {
		o.Node = a.sys.Get("MESHD_NODE")
	}
	if o.Node == "" {
		for _, name := range []string{"pin", "key", "key-file"} {
			if cmd.Flags().Changed(name) {
				return nil, exit.New(exit.Usage, "--"+name+" is for a node named with --node", "the local node needs none")
			}
		}
		return caller.New(o)
	}
	o.Pin = cmp.Or(o.Pin, a.sys.Get("MESHD_PIN"))
	if o.Key, err = a.apiKey(cmd.Context()); err != nil {
		return nil, err
	}
	return caller.New(o)
}

// data is the directory of the node that cmd is about.
func (a *app) data(cmd *cobra.Command) (string, error) {
	flag, err := cmd.Flags().GetString("data")
	if err != nil {
		return "", err
	}
	return config.Data(a.sys, flag)
}

// apiKey reads the key from where the person has put it; flags come first.
func (a *app) apiKey(ctx context.Context) (string, error) {
	switch {
	case a.target.key != "" && a.target.keyFile != "":
		return "", exit.New(exit.Usage, "--key and --key-file are both given", "keep --key-file")
	case a.target.key != "":
		return a.target.key, nil
	case a.target.keyFile != "":
		return a.secret(ctx, a.target.keyFile)
	case a.sys.Get("MESHD_KEY") != "":
		return a.sys.Get("MESHD_KEY"), nil
	case a.sys.Get("MESHD_KEY_FILE") != "":
		return a.secret(ctx, a.sys.Get("MESHD_KEY_FILE"))
	}
	return "", nil
}

// secret reads a secret from a file, or from standard input for "-".
func (a *app) secret(ctx context.Context, path string) (string, error) {
	if path == "-" {
		s, err := config.ReadSecret(newInterruptibleReader(ctx, a.in))
		if err != nil {
			return "", fmt.Errorf("reading a secret from standard input: %w", err)
		}
		return s, nil
	}
	f, err := open(ctx, "the secret", path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s, err := config.ReadSecret(newInterruptibleReader(ctx, f))
	if err != nil {
		return "", fmt.Errorf("reading a secret from %s: %w", path, err)
	}
	return s, nil
}

// asking makes a verb's RunE of a function that has a client.
func (a *app) asking(run func(cmd *cobra.Command, args []string, c *caller.Client) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := a.client(cmd)
		if err != nil {
			return err
		}
		defer c.Close()
		return run(cmd, args, c)
	}
}
