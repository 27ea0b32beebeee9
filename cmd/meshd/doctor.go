package main

import (
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// checkBody is one finding of the doctor.
type checkBody struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Note bool   `json:"note,omitempty"` // in order, and yet worth knowing
	Text string `json:"text"`
	Next string `json:"next,omitempty"`
}

// doctorBody is GET /doctor, with what this program found by itself before it.
type doctorBody struct {
	Checks []checkBody `json:"checks"`
}

func doctorCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say what to do",
		Long: `doctor examines the running node and its view of the mesh. Where no local node
answers it examines this machine: the directory, its owner and permissions, the
lock, the port, the disk and the configuration. It exits 1 if something is BAD; what
is marked "--" is in order and only worth knowing.`,
		Example: "  meshd doctor",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			out := doctorBody{Checks: []checkBody{}}
			err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/doctor"}, &out)
			switch {
			case err == nil:
			case exit.CodeOf(err) == exit.Unreachable && !c.Remote():
				out.Checks = append([]checkBody{{Name: "node", Text: exit.Line(err)}}, a.examine(cmd)...)
			default:
				return err
			}
			p := a.printer()
			if printErr := p.Result(out, func() error { return printChecks(p, out.Checks) }); printErr != nil {
				return printErr
			}
			for _, check := range out.Checks {
				if !check.OK {
					code := exit.Failed
					if err != nil {
						code = exit.Unreachable
					}
					return exit.New(code, "not everything is in order", "")
				}
			}
			return nil
		}),
	})
}

func printChecks(p *output.Printer, checks []checkBody) error {
	for _, c := range checks {
		mark := p.Mark(output.Green, "ok ")
		switch {
		case !c.OK:
			mark = p.Mark(output.Red, "BAD")
		case c.Note:
			mark = p.Mark(output.Yellow, "-- ")
		}
		p.Say("%s  %s: %s", mark, output.Clean(c.Name), output.Clean(c.Text))
		if c.Next != "" {
			p.Say("     %s", output.Clean(c.Next))
		}
	}
	return nil
}

// examine looks at this machine for reasons why its node does not run.
func (a *app) examine(cmd *cobra.Command) []checkBody {
	conf, err := config.Load(config.Options{System: a.sys, Flags: config.FromFlags(cmd.Flags())})
	if err != nil {
		return []checkBody{{Name: "configuration", Text: exit.Line(err), Next: "correct it, then \"meshd config check\""}}
	}
	checks := []checkBody{{Name: "configuration", OK: true, Text: "it can be read"}}
	checks = append(checks, checkDirectory(conf.Data)...)
	return append(checks, checkPort(cmd.Context(), conf.Listen), checkClock())
}
