package httpapi

import (
	"context"
	"strings"

	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/task"
)

type listTasksInput struct {
	ReadInput
	State     string `query:"state" maxLength:"128" doc:"tasks in these states only, with commas between them"`
	Agent     string `query:"agent" maxLength:"63" doc:"tasks that are, or were last, with this agent"`
	Requester string `query:"requester" maxLength:"256" doc:"tasks that this agent, or this credential's id, asked for"`
	Parent    string `query:"parent" maxLength:"20" doc:"parts of this task"`
	Limit     int    `query:"limit" minimum:"1" maximum:"1000" doc:"the most tasks, 100 if left out"`
	Cursor    string `query:"cursor" maxLength:"20" doc:"the next of the page before"`
}

// TasksBody is a page of tasks, newest first, without what they carry.
type TasksBody struct {
	Tasks []task.Task `json:"tasks" nullable:"false"`
	Next  string      `json:"next,omitempty" doc:"asks as cursor for the page behind this one"`
}

type listTasksOutput struct {
	ReadOutput
	Body TasksBody
}

func (a *API) listTasks(ctx context.Context, in *listTasksInput) (*listTasksOutput, error) {
	o := task.ListOptions{Agent: in.Agent, Requester: in.Requester, Limit: in.Limit}
	var err error
	if o.Read, err = in.Options(); err != nil {
		return nil, err
	}
	if in.State != "" {
		for word := range strings.SplitSeq(in.State, ",") {
			st, err := task.ParseState(word)
			if err != nil {
				return nil, invalid("query.state", err.Error())
			}
			o.States = append(o.States, st)
		}
	}
	for _, f := range []struct {
		name, text string
		to         *task.ID
	}{{"query.parent", in.Parent, &o.Parent}, {"query.cursor", in.Cursor, &o.Before}} {
		if f.text == "" {
			continue
		}
		if *f.to, err = task.ParseID(f.text); err != nil {
			return nil, invalid(f.name, err.Error())
		}
	}
	caller, _ := Principal(ctx)
	known := newSeen()
	o.May = func(t task.Task) bool { return a.sees(ctx, caller, known, t) }
	page, info, err := a.cfg.Tasks.List(ctx, o)
	if err != nil {
		return nil, err
	}
	out := &listTasksOutput{Read(info), TasksBody{Tasks: page.Tasks}}
	if page.Next != 0 {
		out.Body.Next = page.Next.String()
	}
	return out, nil
}

type scoresInput struct {
	Name string `path:"name" maxLength:"63" doc:"the agent's name"`
}

// ScoreBody is how an agent has done at one kind of task, or with one
// capability.
type ScoreBody struct {
	Tasks       int     `json:"tasks" doc:"that ended while they were with it"`
	Completed   int     `json:"completed"`
	Success     float64 `json:"success" doc:"moving average, 0 to 1: a tenth of it is the last task"`
	Proficiency float64 `json:"proficiency" doc:"0 to 1: (1-e^(-0.01·tasks))·completed/tasks"`
}

type scoresOutput struct {
	Body struct {
		Agent        string               `json:"agent"`
		Types        map[string]ScoreBody `json:"types"`
		Capabilities map[string]ScoreBody `json:"capabilities"`
	}
}

// scores tells how an agent has done, by kinds of tasks and by capabilities.
func (a *API) scores(ctx context.Context, in *scoresInput) (*scoresOutput, error) {
	if err := message.CheckName(in.Name); err != nil {
		return nil, err
	}
	types, needs, err := a.cfg.Tasks.Scores(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	show := func(list map[string]task.Score) map[string]ScoreBody {
		out := make(map[string]ScoreBody, len(list))
		for word, s := range list {
			out[word] = ScoreBody{s.Tasks, s.Won, float64(s.Average) / 1e6, float64(s.Proficiency()) / 1e6}
		}
		return out
	}
	out := &scoresOutput{}
	out.Body.Agent, out.Body.Types, out.Body.Capabilities = in.Name, show(types), show(needs)
	return out, nil
}
