package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/task"
)

const (
	// maxInboxWait bounds a long poll of an inbox.
	maxInboxWait = 5 * time.Minute
	// lookAgain is how long a poll waits at most before it looks by itself: an
	// inbox that time alone changed tells nobody.
	lookAgain = 10 * time.Second
)

type inboxInput struct {
	AgentRef
	ReadInput
	Wait   string `query:"wait" maxLength:"32" doc:"answer at once where there is something, else wait as long as this for it, at most 5m"`
	Lease  string `query:"lease" maxLength:"32" doc:"take the messages for as long as this, at most 12h: nobody else gets them meanwhile, and what is neither acknowledged nor returned by then is handed out again. Without it this only looks"`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"the most messages, 100 if left out; a lease has 256 at most"`
	Cursor string `query:"cursor" maxLength:"256" doc:"the next of the page before; not with lease"`
	Bodies string `query:"bodies" enum:"true,false" doc:"false leaves the payloads out; not with lease"`
}

// InboxBody is a page of an inbox, in order of delivery.
type InboxBody struct {
	Messages []InboxMessage `json:"messages" nullable:"false"`
	Next     string         `json:"next,omitempty" doc:"asks as cursor for the page behind this one"`
}

type inboxOutput struct {
	ReadOutput
	Body InboxBody
}

// takes is what taking messages needs of a credential, by whatever route: to
// lease one counts an attempt, and keeps it from others.
var takes = &Route{Role: access.RoleAgent, Scope: "messages:write"}

// readInbox looks at an inbox or leases of it, at once or when there is
// something.
func (a *API) readInbox(ctx context.Context, in *inboxInput) (*inboxOutput, error) {
	wait, err := lengthOf("query.wait", in.Wait, maxInboxWait)
	if err != nil {
		return nil, err
	}
	lease, err := lengthOf("query.lease", in.Lease, inbox.MaxLease)
	switch {
	case err != nil:
		return nil, err
	case lease > 0 && (in.Cursor != "" || in.Bodies != ""):
		return nil, invalid("query.lease", "cursor and bodies are for looking only: leave them or lease out")
	case wait > 0 && in.Cursor != "":
		return nil, invalid("query.wait", "wait is for the beginning of an inbox: leave it or cursor out")
	}
	if caller, _ := Principal(ctx); lease > 0 {
		if e := takes.allows(caller); e != nil {
			return nil, e
		}
	}
	if _, err := a.reading(ctx, in.Agent); err != nil {
		return nil, err
	}
	read, err := a.settled(ctx, in.ReadInput)
	if err != nil {
		return nil, err
	}
	look := func(ctx context.Context) (*inboxOutput, time.Time, error) {
		// Who waits may lose the credential, or the name.
		free, err := false, a.stillGood(ctx)
		if err == nil {
			free, err = a.reading(ctx, in.Agent)
		}
		if free || err != nil {
			return &inboxOutput{read, InboxBody{Messages: []InboxMessage{}}}, time.Time{}, err
		}
		if lease > 0 {
			return a.leaseInbox(ctx, in.Agent, in.Limit, lease, read)
		}
		page, err := a.cfg.Inboxes.List(ctx, in.Agent, inbox.ListOptions{After: inbox.Cursor(in.Cursor), Limit: in.Limit, Bodies: in.Bodies != "false"})
		if err != nil {
			return nil, time.Time{}, err
		}
		read.Revision = max(read.Revision, page.Revision)
		return &inboxOutput{read, InboxBody{inboxMessages(page.Messages), string(page.Next)}}, time.Time{}, nil
	}
	if wait == 0 {
		out, _, err := look(ctx)
		return out, err
	}
	return a.pollInbox(ctx, in.Agent, wait, look)
}

// leaseInbox answers with what takeDue takes.
func (a *API) leaseInbox(ctx context.Context, agent string, limit int, lease time.Duration, read ReadOutput) (*inboxOutput, time.Time, error) {
	if limit == 0 {
		limit = 100
	}
	caller, _ := Principal(ctx)
	list, next, err := a.takeDue(ctx, caller, agent, limit, lease)
	if len(list) > 0 {
		read.Revision = max(read.Revision, a.written(ctx).Revision) // it was a write
	}
	return &inboxOutput{read, InboxBody{Messages: inboxMessages(list)}}, next, err
}

// takeDue leases what is due. next is when more becomes due by time alone.
//
// An administrator who takes from an inbox of another's gets none of its tasks: a
// delegation is handed out once, and the attempt would end with the lease.
func (a *API) takeDue(ctx context.Context, caller access.Principal, agent string, limit int, lease time.Duration) (list []inbox.Stored, next time.Time, err error) {
	// This node's state says for nothing whether a lease is worth its write.
	due, err := a.cfg.Inboxes.Pending(ctx, agent, inbox.PendingOptions{Max: 1, MaxBytes: 1})
	if err != nil || len(due.Messages) == 0 {
		return nil, due.Next, err
	}
	var pass func(*inbox.Stored) bool
	if caller.Role == access.RoleAdmin && !slices.Contains(caller.Scopes, agentScope+agent) {
		info, _, err := a.cfg.Inboxes.Agent(ctx, agent)
		if err != nil {
			return nil, time.Time{}, err
		}
		if info.Owner != "" && info.Owner != caller.ID {
			pass = delegates
		}
	}
	list, err = a.cfg.Inboxes.LeaseOf(ctx, agent, min(limit, inbox.MaxLeased), lease, pass)
	return list, time.Time{}, err
}

// delegates says that a message hands a task to its agent. No credential has the
// mesh's own id.
func delegates(m *inbox.Stored) bool {
	return m.Type == task.MessageDelegation && m.From.Principal == "mesh"
}

// pollInbox looks until there is something, or as long as wait.
func (a *API) pollInbox(ctx context.Context, agent string, wait time.Duration, look func(context.Context) (*inboxOutput, time.Time, error)) (*inboxOutput, error) {
	give, err := a.takePoll(ctx)
	if err != nil {
		return nil, err
	}
	defer give()
	changed, cancel := a.inboxWaits.wait(agent)
	defer cancel()
	end := time.NewTimer(wait)
	defer end.Stop()
	for {
		out, next, err := look(ctx)
		if err != nil || len(out.Body.Messages) > 0 {
			return out, err
		}
		pause := lookAgain
		if !next.IsZero() {
			pause = min(pause, max(next.Sub(a.cfg.Now()), 10*time.Millisecond))
		}
		again := time.NewTimer(pause)
		select {
		case <-changed:
		case <-again.C:
		case <-end.C:
			again.Stop()
			return out, nil
		case <-a.Closing():
			again.Stop()
			return out, nil // the client asks again, and another node answers
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		}
		again.Stop()
	}
}

// MessageRef names one message of an inbox in the path.
type MessageRef struct {
	AgentRef
	ReadInput
	Seq uint64 `path:"seq" minimum:"1" doc:"the message's number"`
}

// messageBody answers with a body of any size.
func (a *API) messageBody(ctx context.Context, in *MessageRef) (*huma.StreamResponse, error) {
	if _, err := a.settled(ctx, in.ReadInput); err != nil {
		return nil, err
	}
	switch free, err := a.reading(ctx, in.Agent); {
	case err != nil:
		return nil, err
	case free:
		return nil, Fail(inbox.CodeUnknownMessage, "")
	}
	body, err := a.cfg.Inboxes.Body(ctx, in.Agent, in.Seq)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(c huma.Context) {
		c.SetHeader("Content-Type", mediaJSON)
		_, _ = c.BodyWriter().Write(body) // the client knows by the length
	}}, nil
}
