package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/task"
)

func tasksCommand(a *app) *cobra.Command {
	var (
		state, agent, requester, parent string
		limit                           int
	)
	cmd := a.asks(&cobra.Command{
		Use:   "tasks",
		Short: "Give agents work, and see what comes of it",
		Long: `tasks lists delegated work, newest first. A task is given to an agent by name or
by what it takes, and is kept by the mesh until it has ended: neither your leaving
nor the death of any node loses it.`,
		Example: "  meshd tasks\n  meshd tasks --state working,input_required\n  meshd tasks run reviewer 'read chapter 3' --wait",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownVerb(cmd, args[0])
			}
			return a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
				q := url.Values{}
				for name, value := range map[string]string{"state": state, "agent": agent, "requester": requester, "parent": parent} {
					if value != "" {
						q.Set(name, value)
					}
				}
				tasks, err := allTasks(cmd, c, q, limit)
				if err != nil {
					return err
				}
				return a.printTasks(tasks)
			})(cmd, nil)
		},
	})
	f := cmd.Flags()
	f.StringVar(&state, "state", "", "tasks in these states only, with commas between them")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"submitted", "working", "input_required", "completed", "failed", "cancelled"}, cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&agent, "agent", "", "tasks that are, or were last, with this agent")
	f.StringVar(&requester, "requester", "", "tasks that this agent, or the credential with this id, asked for")
	f.StringVar(&parent, "parent", "", "parts of this task")
	f.IntVar(&limit, "limit", 100, "the most tasks, 0 for all")
	cmd.AddCommand(tasksRun(a), tasksShow(a), tasksWatch(a), tasksCancel(a), tasksInput(a), tasksReport(a))
	return cmd
}

// allTasks reads pages until there are as many as wanted.
func allTasks(cmd *cobra.Command, c *caller.Client, q url.Values, limit int) ([]task.Task, error) {
	tasks := []task.Task{}
	for {
		page := task.MaxPage
		if limit > 0 {
			page = min(page, limit-len(tasks))
		}
		q.Set("limit", strconv.Itoa(page))
		var out struct {
			Tasks []task.Task `json:"tasks"`
			Next  string      `json:"next"`
		}
		if err := c.Get(cmd.Context(), "/tasks", q, &out); err != nil {
			return nil, err
		}
		if tasks = append(tasks, out.Tasks...); out.Next == "" || len(tasks) == limit {
			return tasks, nil
		}
		q.Set("cursor", out.Next)
	}
}

func (a *app) printTasks(tasks []task.Task) error {
	p := a.printer()
	return p.Result(tasks, func() error {
		var rows [][]string
		for _, t := range tasks {
			rows = append(rows, []string{t.ID.String(), string(t.State), whoHas(t), t.Type, string(t.Priority), output.Ago(t.UpdatedAt, time.Now()), firstLine(t)})
		}
		return p.Table("there are no tasks", []string{"ID", "STATE", "AGENT", "TYPE", "PRIORITY", "CHANGED", "SAYS"}, rows)
	})
}

func whoHas(t task.Task) string {
	if t.Agent != "" {
		return t.Agent
	}
	return "? " + strings.Join(t.Needs, ",")
}

// firstLine is the latest that is known of a task, in a few words.
func firstLine(t task.Task) string {
	s := t.Note
	switch {
	case t.Error != nil:
		s = t.Error.Text
	case t.Progress != nil:
		s = t.Progress.Text
		if t.Progress.Percent != nil && !t.State.Final() {
			s = strconv.Itoa(*t.Progress.Percent) + "% " + s
		}
	}
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 60 {
		s = string(r[:59]) + "…"
	}
	return s
}

func tasksShow(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "show ID",
		Short:   "Show one task with what it carries",
		Example: "  meshd tasks show 17\n  meshd tasks show 17 --json | jq .result",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			var t task.Task
			if err := c.Get(cmd.Context(), "/tasks/"+url.PathEscape(args[0]), nil, &t); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(t, func() error {
				p.Say("%s", p.Mark(output.Bold, "task "+t.ID.String()+", "+string(t.State)))
				line := func(name, value string) {
					if value != "" {
						p.Say("%-10s %s", name, cleanLines(value))
					}
				}
				line("type", t.Type)
				line("agent", whoHas(t))
				line("asked by", strings.TrimSpace(t.Requester.Agent+" "+t.Requester.Principal))
				line("through", strings.Join(t.Chain, ", "))
				if t.Parent != 0 {
					line("part of", t.Parent.String())
				}
				line("attempt", strconv.Itoa(t.Attempt)+" of "+strconv.Itoa(t.MaxAttempts))
				line("priority", string(t.Priority))
				line("deadline", t.Deadline.Local().Format(time.DateTime))
				line("says", firstLine(t))
				for _, b := range []struct {
					name string
					body json.RawMessage
				}{{"body", t.Body}, {"question", t.Question}, {"answer", t.Answer}, {"result", t.Result}} {
					if b.body != nil {
						line(b.name, replyText(b.body))
					}
				}
				return nil
			})
		}),
	})
}

func tasksCancel(a *app) *cobra.Command {
	var reason string
	cmd := a.asks(&cobra.Command{
		Use:     "cancel ID",
		Short:   "End a task, and its parts with it",
		Example: "  meshd tasks cancel 17 --reason 'no longer needed'",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			return a.changeTask(cmd, c, args[0], "cancel", map[string]any{"reason": reason})
		}),
	})
	cmd.Flags().StringVar(&reason, "reason", "", "what its agent is told")
	return cmd
}

func tasksInput(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "input ID BODY",
		Short:   "Give a task the input it waits for",
		Example: "  meshd tasks input 17 'the blue one'\n  meshd tasks input 17 @answer.json",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			body, err := a.messageBody(cmd.Context(), args[1], task.MaxBody)
			if err != nil {
				return err
			}
			return a.changeTask(cmd, c, args[0], "input", map[string]any{"input": body})
		}),
	})
}

func tasksReport(a *app) *cobra.Command {
	var (
		state, agent, text, code, result, question, say string
		percent, attempt                                int
		retryable, begin                                bool
	)
	cmd := a.asks(&cobra.Command{
		Use:   "report ID",
		Short: "Speak as a task's agent: how far it is, and what came of it",
		Long: `report is an agent's word on its task, for agents that are programs and scripts.
Only who may speak for the agent that the task is with can report.

Where several may have the same attempt, as instances of one agent of which one was cut
off, each says --begin before it does anything: the first may go on, and the others are
refused (TASK_BEGUN, exit code 4) and leave it.`,
		Example: "  meshd tasks report 17 --begin --attempt 1\n  meshd tasks report 17 --state working --progress 'half of it' --percent 50\n  meshd tasks report 17 --state completed --result '{\"pages\":12}'\n  meshd tasks report 17 --state failed --error 'no such file' --retryable",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, args []string, c *caller.Client) error {
			if begin && state != string(task.Working) {
				return exit.New(exit.Usage, "--begin is the first word on an attempt, and goes with --state working", "say --begin before the work, and what came of it after")
			}
			body := map[string]any{"state": state}
			if agent != "" {
				body["agent"] = agent
			}
			if attempt != 0 {
				body["attempt"] = attempt
			}
			if say != "" || cmd.Flags().Changed("percent") {
				progress := map[string]any{"text": say}
				if cmd.Flags().Changed("percent") {
					progress["percent"] = percent
				}
				body["progress"] = progress
			}
			if text != "" || code != "" {
				body["error"] = map[string]any{"text": text, "code": code}
			}
			if begin {
				body["begin"] = true
			}
			if retryable {
				body["retryable"] = true
			}
			for name, word := range map[string]string{"result": result, "input": question} {
				if word == "" {
					continue
				}
				value, err := a.messageBody(cmd.Context(), word, task.MaxBody)
				if err != nil {
					return err
				}
				body[name] = value
			}
			return a.changeTask(cmd, c, args[0], "status", body)
		}),
	})
	f := cmd.Flags()
	f.StringVar(&state, "state", "working", "working, input_required, completed or failed")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"working", "input_required", "completed", "failed"}, cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&begin, "begin", false, "with working: refused where another has begun this attempt")
	f.StringVar(&say, "progress", "", "what you are at")
	f.IntVar(&percent, "percent", 0, "how much of it is done, 0 to 100")
	f.StringVar(&result, "result", "", "with completed: text, JSON, - or @FILE")
	f.StringVar(&question, "input", "", "with input_required: what you ask, as text, JSON, - or @FILE")
	f.StringVar(&text, "error", "", "with failed: why")
	f.StringVar(&code, "error-code", "", "with failed: a word for programs")
	f.BoolVar(&retryable, "retryable", false, "with failed: another attempt may go well")
	f.StringVar(&agent, "agent", "", "the agent that you speak for; the one the task is with if left out")
	f.IntVar(&attempt, "attempt", 0, "refuse where the task is at another attempt")
	return cmd
}

// changeTask posts to one of a task's routes and says how the task is then.
func (a *app) changeTask(cmd *cobra.Command, c *caller.Client, id, route string, body any) error {
	var t task.Task
	if err := c.Do(cmd.Context(), caller.Request{Method: http.MethodPost, Path: "/tasks/" + url.PathEscape(id) + "/" + route, Body: body}, &t); err != nil {
		return err
	}
	return a.printTask(t)
}

func (a *app) printTask(t task.Task) error {
	p := a.printer()
	return p.Result(t, func() error {
		p.Say("task %s is %s%s", t.ID, t.State, map[bool]string{true: ", with " + output.Clean(t.Agent)}[t.Agent != "" && !t.State.Final()])
		return nil
	})
}

// endOf prints what came of a task that was waited for, and ends as it did.
func (a *app) endOf(t task.Task) error {
	p := a.printer()
	err := p.Result(t, func() error {
		switch {
		case t.State == task.InputRequired && t.Question != nil:
			p.Say("%s", replyText(t.Question))
		case t.Result != nil:
			p.Say("%s", replyText(t.Result))
		case t.State == task.Completed:
			p.Say("task %s is completed", t.ID)
		}
		return nil
	})
	id := t.ID.String()
	switch {
	case err != nil || t.State == task.Completed:
		return err
	case t.State == task.InputRequired:
		return exit.New(exit.Refused, "task "+id+" waits for input", "\"meshd tasks input "+id+" BODY\" gives it")
	case t.State == task.Cancelled:
		return exit.New(exit.Refused, "task "+id+" was cancelled", "\"meshd tasks watch "+id+"\" says how it came")
	}
	why := ""
	if t.Error != nil && t.Error.Text != "" {
		why = ": " + output.Clean(t.Error.Text)
	}
	return exit.New(exit.Failed, "task "+id+" failed"+why, "\"meshd tasks watch "+id+"\" says how it came")
}
