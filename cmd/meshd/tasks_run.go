package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/node/task"
)

// taskPoll is how long one request waits for a task.
const taskPoll = time.Minute

func tasksRun(a *app) *cobra.Command {
	var (
		needs                                  []string
		kind, priority, deadline, parent, from string
		attempts                               int
		wait                                   bool
	)
	cmd := a.asks(&cobra.Command{
		Use:   "run [AGENT] BODY",
		Short: "Give a task to an agent, or to one that has what it needs",
		Long: `run gives a task to the agent that is named or, with --needs, to one that announces
these capabilities: the mesh chooses by how well agents did before and how busy they
are. BODY is text, or JSON if it is a JSON object, array or string, - for standard
input, or @FILE. With --wait it prints the result when the task has ended; Ctrl-C
stops the waiting and not the task.`,
		Example:           "  meshd tasks run reviewer 'read chapter 3' --wait\n  meshd tasks run --needs ocr,german @scan.json --deadline 2h --priority high",
		ValidArgsFunction: a.completing(agentNames),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exit.New(exit.Usage, "\"meshd tasks run\" needs BODY", "for example: meshd tasks run reviewer 'read chapter 3' --wait")
			}
			return arguments(cmd, args)
		},
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			request := map[string]any{}
			switch {
			case len(args) == 2 && len(needs) > 0:
				return exit.New(exit.Usage, "an agent and --needs are both given", "name the agent, or what it must be able to do")
			case len(args) == 2:
				request["agent"] = args[0]
			case len(needs) == 0:
				return exit.New(exit.Usage, "nobody is named to do it", "give an agent before the body, or --needs")
			default:
				request["needs"] = needs
			}
			body, err := a.messageBody(cmd.Context(), args[len(args)-1], task.MaxBody)
			if err != nil {
				return err
			}
			request["body"] = body
			for name, value := range map[string]string{"type": kind, "priority": priority, "deadline": deadline, "parent": parent, "from": from} {
				if value != "" {
					request[name] = value
				}
			}
			if attempts != 0 {
				request["max_attempts"] = attempts
			}
			var t task.Task
			if err := c.Do(cmd.Context(), caller.Request{Method: http.MethodPost, Path: "/tasks", Body: request}, &t); err != nil {
				return err
			}
			if !wait {
				return a.printTask(t)
			}
			a.printer().Hint("task %s", t.ID)
			if t, err = awaitTask(cmd, c, t.ID); err != nil {
				return err
			}
			return a.endOf(t)
		}),
	})
	f := cmd.Flags()
	f.StringSliceVar(&needs, "needs", nil, "capabilities that the agent must announce, with commas between them")
	f.StringVar(&kind, "type", "", "the kind of task; agents are judged by kind")
	f.StringVar(&priority, "priority", "", "low, normal, high or critical")
	_ = cmd.RegisterFlagCompletionFunc("priority", priorities)
	f.StringVar(&deadline, "deadline", "", "how long it has, such as 10m, or until when; 30m if left out")
	f.StringVar(&parent, "parent", "", "the task that this is a part of")
	f.StringVar(&from, "from", "", "the agent that you ask for; its inbox gets the result")
	f.IntVar(&attempts, "max-attempts", 0, "how often it is handed over before it fails; 3 if left out")
	f.BoolVar(&wait, "wait", false, "wait until it has ended or asks for input, and print what it says")
	return cmd
}

// awaitTask waits until a task rests, however long, over as many requests as it
// takes.
func awaitTask(cmd *cobra.Command, c *caller.Client, id task.ID) (t task.Task, err error) {
	pause := minWatchPause
	for {
		err = c.Do(cmd.Context(), caller.Request{
			Method: http.MethodGet, Path: "/tasks/" + id.String(), Query: url.Values{"wait": {taskPoll.String()}}, Own: true, Timeout: taskPoll + caller.Timeout,
		}, &t)
		switch {
		case err == nil && t.State.Rests():
			return t, nil
		case err == nil:
			pause = minWatchPause
			continue
		case cmd.Context().Err() != nil || !again(err):
			return t, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-cmd.Context().Done():
			timer.Stop()
			return t, cmd.Context().Err()
		}
		pause = min(2*pause, maxWatchPause)
	}
}
