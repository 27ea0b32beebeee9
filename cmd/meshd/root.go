package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// The groups of the help page, by what a person wants to do.
const (
	groupStart   = "start"
	groupLook    = "look"
	groupChange  = "change"
	groupAgents  = "agents"
	groupGraph   = "graph"
	groupAccess  = "access"
	groupProgram = "program"
)

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "meshd",
		Short: "Machines become one mesh of peers",
		Long: `meshd makes several machines one mesh of peers that share a knowledge
graph and carry messages between agents.

Make a mesh on the first machine with "meshd init", type the join line it
prints on the others, and look at it from any of them with "meshd status".`,
		Example: `  meshd init
  meshd join mesh1.…
  meshd status`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       cobra.ArbitraryArgs,
		RunE:                       groupRun,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpCommand(helpCommand(root))
	cobra.EnableCommandSorting = false
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start a node:"},
		&cobra.Group{ID: groupLook, Title: "See what is:"},
		&cobra.Group{ID: groupChange, Title: "Change the mesh:"},
		&cobra.Group{ID: groupAgents, Title: "Agents and messages:"},
		&cobra.Group{ID: groupGraph, Title: "Knowledge graph:"},
		&cobra.Group{ID: groupAccess, Title: "Access:"},
		&cobra.Group{ID: groupProgram, Title: "The program:"},
	)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON with stable fields; streams print one object a line")
	root.PersistentFlags().BoolP("help", "h", false, "explain this command")
	config.AddFlags(root.PersistentFlags(), "data")
	for _, v := range verbs {
		c := v.make(a)
		c.GroupID = v.group
		root.AddCommand(c)
	}
	a.completeWords(root)
	return root
}

// groupRun is what a command that only holds others does: without a word it
// explains itself, with one it does not know it says what was probably meant.
func groupRun(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return unknownVerb(cmd, args[0])
}

func unknownVerb(cmd *cobra.Command, word string) error {
	next := "\"" + cmd.CommandPath() + " --help\" lists what there is"
	example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	if (word == "list" || word == "ls") && example == cmd.CommandPath() && cmd.HasSubCommands() {
		return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" has no verb \""+word+"\"", "\""+cmd.CommandPath()+"\" by itself lists them")
	}
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(word); len(s) > 0 {
		next = "did you mean \"" + cmd.CommandPath() + " " + strings.Join(s, "\" or \""+cmd.CommandPath()+" ") + "\"?"
	}
	return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" has no verb \""+word+"\"", next)
}

// group makes a command that only holds others.
func group(use, short, example string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Example: example, Args: cobra.ArbitraryArgs, RunE: groupRun}
	c.AddCommand(children...)
	return c
}

// arguments checks the number of words after a verb against its Use line and
// says which one is missing. Words in brackets may be left out; a last word
// ending in … may be repeated; what stands before -- are flags.
func arguments(cmd *cobra.Command, args []string) error {
	words := strings.Fields(cmd.Use)[1:]
	words = words[slices.Index(words, "--")+1:]
	need := 0
	for _, w := range words {
		if !strings.HasPrefix(w, "[") {
			need++
		}
	}
	example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n")
	next := "for example: " + strings.TrimSpace(example)
	if len(args) < need {
		return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" needs "+strings.Join(words[len(args):need], " and "), next)
	}
	many := len(words) > 0 && strings.Contains(words[len(words)-1], "…")
	if len(args) > len(words) && !many {
		return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" does not take \""+args[len(words)]+"\"", next)
	}
	return nil
}

// flagError is the sentence for flags that are unknown or do not fit.
func flagError(cmd *cobra.Command, err error) error {
	next := "\"" + cmd.CommandPath() + " --help\" lists its flags"
	if name, ok := strings.CutPrefix(err.Error(), "unknown flag: --"); ok {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if near := config.Nearest(name, known); near != "" {
			next = "did you mean --" + near + "?"
		}
		if name == "version" {
			next = "\"meshd version\" says which meshd this is"
		}
		return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" has no flag --"+name, next)
	}
	if bad, is := errors.AsType[*pflag.NotExistError](err); is && bad.GetSpecifiedShortnames() != "" {
		return exit.New(exit.Usage, "\""+cmd.CommandPath()+"\" has no flag -"+bad.GetSpecifiedName(), next)
	}
	if bad, is := errors.AsType[*pflag.InvalidValueError](err); is {
		f := bad.GetFlag()
		wanted := map[string]string{
			"duration": "a duration such as 30s, 5m or 48h", "bool": "true or false", "float64": "a number",
			"int": "a whole number", "int64": "a whole number", "uint": "a whole number from 0 on", "uint32": "a whole number from 0 on", "uint64": "a whole number from 0 on",
		}[f.Value.Type()]
		if wanted != "" {
			return exit.New(exit.Usage, fmt.Sprintf("--%s takes %s, not %q", f.Name, wanted, bad.GetValue()), next)
		}
	}
	return exit.New(exit.Usage, err.Error(), next)
}

func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [VERB…]",
		Short:   "Explain a verb",
		Example: "  meshd help token create",
		GroupID: groupProgram,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				at := root
				if cmd != nil {
					at = cmd
				}
				word := args[len(args)-1]
				if len(rest) > 0 {
					word = rest[0]
				}
				return unknownVerb(at, word)
			}
			return cmd.Help()
		},
	}
}

// usageTemplate is cobra's own with the example up front, where it is read.
const usageTemplate = `Usage:
{{- if .HasAvailableSubCommands}}
  {{.CommandPath}} VERB
{{- else}}
  {{.UseLine}}
{{- end}}
{{- if .HasExample}}

Example:
{{.Example}}
{{- end}}
{{- $cmds := .Commands}}
{{- if .HasAvailableSubCommands}}
{{- if eq (len .Groups) 0}}

Verbs:
{{- range $cmds}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{- else}}
{{- range $group := .Groups}}{{$any := false}}{{range $cmds}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}{{$any = true}}{{end}}{{end}}
{{- if $any}}

{{.Title}}
{{- range $cmds}}{{if and (eq .GroupID $group.ID) .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}{{end}}
{{- end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableInheritedFlags}}

Everywhere:
{{.InheritedFlags.FlagUsagesWrapped 100 | trimTrailingWhitespaces}}
{{- end}}
{{- if .HasAvailableSubCommands}}

"{{.CommandPath}} VERB --help" explains a verb.
{{- end}}
`
