package main

import (
	"log/slog"
	"slices"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/identity"
)

// keptKeys are what a node is told once, when it is made: "meshd serve" alone
// must bring the same node back, at the same address.
var keptKeys = []string{"listen", "advertise", "name"}

// keep writes what was given for keptKeys into the directory of a node that was
// just made or opened, where there is no configuration file yet. A node runs
// without it, and serveLine then says the flags: failing is worth a line only.
// A name that the mesh does not know the node by is not kept.
func keep(c *config.Config, n *node.Node, log *slog.Logger) {
	names := keptKeys
	if c.Name != n.Name() {
		names = slices.DeleteFunc(slices.Clone(names), func(key string) bool { return key == "name" })
	}
	path, text, err := c.Kept(names...)
	if err == nil && text != "" {
		err = identity.WriteFile(path, []byte(text))
	}
	if err != nil {
		log.Warn("what this node was given is not remembered for its next start", "error", err)
	}
}

// hintServing says how the node of c is stopped, started and looked at.
func (a *app) hintServing(c *config.Config, serving bool) {
	if !serving {
		a.printer().Hint("Start it with \"%s\".", a.serveLine(c))
		return
	}
	a.printer().Hint("Stop with Ctrl-C; start again with \"%s\". \"%s\" in another terminal shows how the mesh stands.", a.serveLine(c), a.typed(c, "meshd status"))
}

// typed is a verb that asks the node of c, as a person types it.
func (a *app) typed(c *config.Config, verb string) string { return verb + a.sys.DataFlag(c.Data) }

// serveLine is what starts the node of c again, as a person types it.
func (a *app) serveLine(c *config.Config) string { return c.ServeLine(a.sys, keptKeys...) }
