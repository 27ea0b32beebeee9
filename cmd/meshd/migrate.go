package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/node"
)

// formatBody is one format of a data directory, for programs.
type formatBody struct {
	Name     string `json:"name"`
	Where    string `json:"where"`
	Found    *int   `json:"found"` // null where none was looked at
	Reads    int    `json:"reads_from"`
	Writes   int    `json:"writes"`
	Readable bool   `json:"readable"`
	Note     string `json:"note,omitempty"`
}

type migrateBody struct {
	Data     string       `json:"data"`
	Version  string       `json:"version"`
	Readable bool         `json:"readable"`
	Changes  []string     `json:"changes"`
	Formats  []formatBody `json:"formats"`
}

func migrateCommand(a *app) *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use:   "migrate --check",
		Short: "Say whether this program can use a data directory, and what it would change",
		Long: `migrate --check compares the formats of a data directory with those of this
program, and says what starting it would change. It changes nothing itself and may
be run beside a node: try the new meshd before an upgrade.

It exits 0 if this program can use the directory, and 4 if a newer one has written
it. There is no other migration: what is older is rewritten by the node that is
started on it.`,
		Example: `  meshd migrate --check
  ./meshd-new migrate --check --data /var/lib/meshd --json`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&check, "check", false, "compare, and change nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !check {
			return exit.New(exit.Usage, "there is nothing to migrate by hand: a node rewrites what is older when it is started", "meshd migrate --check says what that would be")
		}
		data, err := a.data(cmd)
		if err != nil {
			return err
		}
		found, err := node.FindFormats(data)
		if errors.Is(err, node.ErrNoMesh) {
			return exit.New(exit.Failed, "there is no node in "+data, "name its directory with --data")
		}
		if err != nil {
			return err
		}
		out := migrateBody{Data: data, Version: version(), Readable: true, Changes: []string{}}
		var newer []string
		for _, f := range found {
			var there *int
			if f.Found > 0 {
				there = &f.Found
			}
			out.Formats = append(out.Formats, formatBody{f.Name, f.Where, there, f.Reads, f.Writes, f.Readable(), f.Note})
			switch {
			case !f.Readable():
				out.Readable = false
				newer = append(newer, fmt.Sprintf("%s %d", f.Name, f.Found))
			case f.Found > 0 && f.Found < f.Writes:
				out.Changes = append(out.Changes, fmt.Sprintf("%s %d becomes %d", f.Name, f.Found, f.Writes))
			}
		}
		if err := a.printer().Result(out, func() error { return a.printFormats(out) }); err != nil {
			return err
		}
		if !out.Readable {
			return exit.New(exit.Refused, "this meshd cannot use "+data+": it has "+strings.Join(newer, ", "), "start it with the version that wrote it, or a newer one")
		}
		return nil
	}
	return cmd
}

func (a *app) printFormats(out migrateBody) error {
	p := a.printer()
	var rows [][]string
	for _, f := range out.Formats {
		found, reads := "-", strconv.Itoa(f.Writes)
		if f.Found != nil {
			found = strconv.Itoa(*f.Found)
		}
		if f.Reads < f.Writes {
			reads = fmt.Sprintf("%d to %d", f.Reads, f.Writes)
		}
		rows = append(rows, []string{f.Name, found, reads, f.Where, f.Note})
	}
	if err := p.Table("", []string{"FORMAT", "FOUND", "READ HERE", "IN", ""}, rows); err != nil {
		return err
	}
	switch {
	case !out.Readable:
	case len(out.Changes) > 0:
		p.Say("\nStarting this meshd changes: %s. An older one cannot use the directory after that.", strings.Join(out.Changes, ", "))
	default:
		p.Say("\nThis meshd can use the directory, and starting it changes no format.")
	}
	return nil
}
