package httpapi

import (
	"net/http"
	"time"

	"github.com/meshd/meshd/node/access"
)

// messageEntries is the part of the route table for agents and their messages.
func (a *API) messageEntries() []Entry {
	if a.cfg.Messages == nil {
		return nil
	}
	send := Route{Method: http.MethodPost, Path: "/messages", Summary: "Send a message to an agent or a topic, live or durably", Role: access.RoleAgent,
		MaxBody: maxMessageBody, Timeout: maxReplyWait + time.Second}
	entries := []Entry{
		// messages.go: live messages
		Large(send, a.send, a.sendLarge),
		Op(Route{Method: http.MethodGet, Path: "/agents", Summary: "Agents that can be reached", Role: access.RoleViewer}, a.agents),
		Op(Route{Method: http.MethodGet, Path: "/api/agents", Summary: "Agents that can be reached", Role: access.RoleViewer, Scope: "agents:read"}, a.agents),
		Op(Route{Method: http.MethodPost, Path: "/query", Summary: "Ask an agent in words", Role: access.RoleAgent, Timeout: maxReplyWait + time.Second}, a.query),
		// agentrecord.go
		Op(Route{Method: http.MethodGet, Path: "/agents/{name}", Summary: "One agent: where it is, who owns it, how its inbox stands", Role: access.RoleViewer}, a.agent),
	}
	if a.cfg.Inboxes == nil {
		return entries
	}
	a.ends = append(a.ends, a.cfg.Inboxes.Watch(a.inboxWaits.wake))
	route := func(method, path, summary string) Route {
		return Route{Method: method, Path: path, Summary: summary, Role: access.RoleAgent}
	}
	read := func(path, summary string) Route { return route(http.MethodGet, path, summary) }
	ok := func(r Route) Route {
		r.Status = http.StatusOK
		return r
	}
	poll := read("/messages/{agent}", "Look at an agent's inbox, wait for messages, or lease them")
	poll.Timeout = maxInboxWait + 30*time.Second
	older := ok(route(http.MethodPost, "/messages/send/{source}", "Send a durable message in the shape of older instances"))
	older.MaxBody = maxMessageBody
	release := route(http.MethodDelete, "/agents/{name}/owner", "Forget who owns an agent's name: whoever claims it next has it")
	own := ok(route(http.MethodPut, "/agents/{name}/owner", "Reserve a name that is nobody's for a credential"))
	own.Role = access.RoleAdmin
	keyOf := read("/agents/{name}/key", "The key that messages to an agent are sealed to")
	keyOf.Role = access.RoleViewer
	stream := read("/messages/{agent}/stream", "Be the agent by server-sent events or JSON lines: its messages as they come")
	stream.Query, stream.Timeout, stream.Produces = streamParameters, -1, []string{mediaSSE, mediaLines}
	return append(entries,
		// inboxstream.go, replies.go
		Plain(stream, a.streamInbox),
		Op(route(http.MethodPost, "/messages/{agent}/reply", "Answer a live message that a stream told"), a.reply),
		// messagesolder.go, inboxread.go, inboxack.go
		Large(older, a.sendOlder, a.sendOlderLarge),
		Op(poll, a.readInbox),
		Op(read("/messages/{agent}/{seq}/body", "The body of a message, of any size"), a.messageBody),
		Op(route(http.MethodPost, "/messages/ack/{agent}", "Acknowledge messages of an agent's inbox"), a.acknowledge),
		Op(route(http.MethodPost, "/messages/{agent}/ack", "Acknowledge messages of an agent's inbox"), a.acknowledge),
		Op(route(http.MethodPost, "/messages/{agent}/return", "Give messages back, to be handed out again or to be dead letters"), a.giveBack),
		Op(ok(route(http.MethodDelete, "/messages/{agent}", "Make all waiting messages of an inbox dead letters")), a.purge),
		Op(read("/messages/{agent}/dead", "An agent's dead letters, with their reasons"), a.deadLetters),
		Op(ok(route(http.MethodPost, "/messages/{agent}/dead/redrive", "Put dead letters into the inbox again")), a.redrive),
		Op(ok(route(http.MethodPost, "/messages/{agent}/dead/drop", "Remove dead letters for good")), a.dropDead),
		// agentrecord.go
		Op(release, a.release),
		Op(own, a.own), // agentowner.go
		Op(keyOf, a.key),
		Op(ok(route(http.MethodPut, "/agents/{name}/key", "Publish the key that messages to an agent are sealed to")), a.publishKey),
		Op(read("/agents/{name}/subscriptions", "The topics that an agent takes durably"), a.subscriptions),
		Op(ok(route(http.MethodPut, "/agents/{name}/subscriptions", "Take the messages to topics into an agent's inbox from now on")), a.subscribe),
		Op(route(http.MethodDelete, "/agents/{name}/subscriptions", "End a durable subscription"), a.unsubscribe),
	)
}
