package httpapi

import (
	"context"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/message"
)

const (
	// streamLease is how long a stream's client has for a durable message
	// before it is handed out again, if it does not say.
	streamLease = time.Minute
	// streamUnacked is how many it may have unacknowledged, if it does not say.
	streamUnacked = 64
	// maxStreamQueue is how many live messages wait for their turn in a stream.
	maxStreamQueue = 256
	// maxStreamBytes bounds their bodies, as those of a WebSocket's queue are: a
	// client that reads nothing would hold 256 MiB.
	maxStreamBytes = 4 << 20
	// streamPeek is how many bytes of bodies a stream reads ahead that leases
	// nothing: any number of them may read the same.
	streamPeek = 256 << 10
	// The pauses between attempts at an inbox that cannot be asked now.
	minInboxPause, maxInboxPause = time.Second, 10 * time.Second
)

// StreamMessage is a message as a stream tells it.
type StreamMessage struct {
	InboxMessage
	Live bool `json:"live,omitempty"`
	// ReplyTo, of a live message whose sender waits until Deadline, is what
	// POST /messages/{agent}/reply answers it by, at this node.
	ReplyTo  string     `json:"reply_to,omitempty"`
	Deadline *time.Time `json:"deadline,omitempty"`
}

// streamAsked is what a stream was asked for.
type streamAsked struct {
	agent   string
	topics  []string
	live    bool
	durable bool
	peek    bool // tells what is due, and leases nothing
	lease   time.Duration
	unacked int
}

// topicPrefix begins the address of a topic.
const topicPrefix = "topic/"

var streamParameters = []string{"lease", "limit", "only", "peek", "topics"}

func streamQuery(c *gin.Context) (q streamAsked, err error) {
	q = streamAsked{agent: c.Param("agent"), live: true, durable: true, lease: streamLease, unacked: streamUnacked}
	switch only := c.Query("only"); only {
	case "":
	case "live":
		q.durable = false
	case "durable":
		q.live = false
	default:
		return q, invalid("query.only", "only is live or durable, or is left out for both")
	}
	if text := c.Query("lease"); text != "" {
		if q.lease, err = lengthOf("query.lease", text, inbox.MaxLease); err != nil {
			return q, err
		}
	}
	if text := c.Query("limit"); text != "" {
		if q.unacked, err = strconv.Atoi(text); err != nil || q.unacked < 1 || q.unacked > inbox.MaxLeased {
			return q, invalid("query.limit", "limit is how many messages may be unacknowledged, 1 to "+strconv.Itoa(inbox.MaxLeased))
		}
	}
	switch peek := c.Query("peek"); {
	case peek == "true" && !q.live && c.Query("lease") == "" && c.Query("limit") == "":
		q.peek = true
	case peek != "" && peek != "false":
		return q, invalid("query.peek", "peek is true or false; it goes with only=durable, and without lease and limit")
	}
	if text := c.Query("topics"); text != "" {
		q.topics = strings.Split(text, ",")
	}
	if len(q.topics) > 64 || len(q.topics) > 0 && !q.live {
		return q, invalid("query.topics", "topics are at most 64 patterns with commas between them, and go with live messages")
	}
	for _, t := range q.topics {
		if _, err := message.ParsePattern(t); err != nil {
			return q, invalid("query.topics", sentenceOf(err))
		}
	}
	return q, nil
}

// streamInbox attaches the caller as the agent, for as long as it listens: what
// is sent to the agent comes as it comes, and what is in its inbox is leased,
// told, and acknowledged by POST.
func (a *API) streamInbox(c *gin.Context) {
	q, err := streamQuery(c)
	if caller, _ := Principal(c.Request.Context()); err == nil && !q.peek {
		if e := takes.allows(caller); e != nil {
			err = e
		}
	}
	if err == nil {
		err = a.actingAs(c.Request.Context(), q.agent)
	}
	if err != nil {
		a.Refuse(c, err)
		return
	}
	caller, _ := Principal(c.Request.Context())
	s := a.openStream(c)
	defer s.end()
	f := &inboxFeed{api: a, s: s, q: q, permit: a.permit(c), caller: caller, live: make(chan *message.Delivery, maxStreamQueue)}
	if q.live {
		session, err := a.cfg.Messages.Attach(s.ctx, q.agent, caller.ID, message.Profile{}, f)
		if err != nil {
			a.Refuse(c, s.cause(err))
			return
		}
		// What was told and never answered ends with the session.
		defer a.replies.forget(f)
		defer session.Close()
		for _, t := range q.topics {
			if err := session.Subscribe(s.ctx, t); err != nil {
				a.Refuse(c, s.cause(err))
				return
			}
		}
	}
	f.tell = a.beginFeed(c)
	defer a.counted("messages")()
	a.endedFeed(s, f.run())
}

// inboxFeed is a stream of an agent's messages under way. All but deliver
// belongs to the request's goroutine.
type inboxFeed struct {
	api    *API
	s      *stream
	q      streamAsked
	permit func() error
	tell   feedTeller
	live   chan *message.Delivery
	caller access.Principal
	owns   atomic.Uint64 // see stillActsAs

	bytes   atomic.Int64  // of the bodies in live
	dropped atomic.Uint64 // messages to topics that found no room, and were not told of yet
	lost    uint64        // those that were

	// shown are the durable messages that were told and may not be
	// acknowledged yet, with the ends of their leases.
	shown map[uint64]time.Time
	doubt doubt
	// trouble is the code of what last kept the inbox from being read.
	trouble string
	pause   time.Duration
	broken  bool // nothing more can be written
}

// Deliver takes a live message. It implements message.Receiver.
func (f *inboxFeed) Deliver(d *message.Delivery) error {
	size := int64(len(d.Message.Body))
	// What is alone has room, whatever its size.
	if all := f.bytes.Add(size); all <= maxStreamBytes || all == size {
		select {
		case f.live <- d:
			return nil
		default:
		}
	}
	f.bytes.Add(-size)
	if strings.HasPrefix(d.Message.To, topicPrefix) {
		f.dropped.Add(1) // nobody else is told: a topic has no one sender's answer
	}
	return consensus.Refuse(message.CodeOverloaded, "the agent takes messages more slowly than they come")
}

// Missed implements message.Misser.
func (f *inboxFeed) Missed() { f.dropped.Add(1) }

// streamDropped tells a stream how many messages to its topics found no room
// since it was last told, and since it began.
type streamDropped struct {
	Count uint64 `json:"count"`
	Total uint64 `json:"total"`
}

// tellDropped says what was dropped before what came after it is told.
func (f *inboxFeed) tellDropped() error {
	n := f.dropped.Swap(0)
	if n == 0 {
		return nil
	}
	f.lost += n
	return f.say(f.tell.event(nil, "dropped", "", marshal(streamDropped{n, f.lost})))
}

// run tells messages until the stream ends, and returns why it did.
func (f *inboxFeed) run() (ended string) {
	begin := f.tell.event(nil, "bookmark", "", []byte(`{}`))
	if f.tell.media() == mediaSSE {
		begin = append([]byte("retry: 1000\n"), begin...)
	}
	if _, err := f.s.Write(begin); err != nil {
		return f.s.unwritten(err)
	}
	changed, cancel := f.api.inboxWaits.wait(f.q.agent)
	defer cancel()
	f.shown = map[uint64]time.Time{}
	ping := time.NewTicker(feedPing)
	defer ping.Stop()
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		var err error
		select {
		case d := <-f.live:
			f.bytes.Add(-int64(len(d.Message.Body)))
			if err = f.allowed(); err == nil { // else the session's end refuses it
				if err = f.tellLive(d); err == nil && len(f.live) == 0 {
					err = f.tellDropped()
				}
			}
		case <-changed:
			look.Reset(0)
		case <-look.C:
			var next time.Duration
			if err = f.allowed(); err == nil {
				next, err = f.tellDurable()
			}
			look.Reset(next)
		case <-ping.C:
			if err = f.allowed(); err == nil {
				if err = f.tellDropped(); err == nil {
					err = f.say(f.tell.ping(nil))
				}
			}
		case <-f.s.ctx.Done():
			err = f.s.ctx.Err()
		}
		switch {
		case f.broken:
			return f.s.unwritten(err)
		case err != nil:
			return f.api.cutFeed(f.s, f.tell, err)
		}
	}
}

// allowed looks at the credential again: nothing is told to one that was
// revoked, or whose name has come to another.
func (f *inboxFeed) allowed() error {
	if f.permit != nil {
		if err := f.permit(); err != nil {
			return err
		}
	}
	return f.api.stillActsAs(f.s.ctx, f.caller, f.q.agent, &f.owns)
}

// say writes, and remembers that nothing more can be written.
func (f *inboxFeed) say(b []byte) error {
	_, err := f.s.Write(b)
	f.broken = err != nil
	return err
}

func (f *inboxFeed) tellLive(d *message.Delivery) error {
	m := d.Message
	if !d.Sent() { // it has ended meanwhile: its time was over
		if strings.HasPrefix(m.To, topicPrefix) {
			f.dropped.Add(1)
		}
		return nil
	}
	now := f.api.cfg.Now().UTC()
	out := StreamMessage{Live: true, InboxMessage: InboxMessage{
		MessageID: m.ID, SourceInstance: m.From.Agent, TargetInstance: f.q.agent, MessageType: messageType(m.Type), Payload: m.Body, CreatedAt: now,
		From: m.From, Conversation: m.Conversation, Priority: inbox.Priority(m.Priority).String(), Size: int64(len(m.Body)), Sealed: m.Sealed, Key: m.Key,
		ExpiresAt: m.Deadline.UTC(), TraceParent: m.TraceParent, RequestID: m.RequestID,
	}}
	if out.SourceInstance == "" {
		out.SourceInstance = m.From.Principal
	}
	out.Topic, _ = strings.CutPrefix(m.To, topicPrefix)
	if out.Topic == m.To {
		out.Topic = ""
	}
	if d.WantReply {
		out.Deadline = &out.ExpiresAt
		out.ReplyTo = f.api.replies.expect(f, d)
	}
	if err := f.say(f.tell.event(nil, "", "", marshal(out))); err != nil {
		return err
	}
	d.Delivered()
	return nil
}

// tellDurable leases what is due and has room, and tells it. It returns when to
// look again. Its errors are the stream's; those of the inbox are told.
func (f *inboxFeed) tellDurable() (again time.Duration, err error) {
	if !f.q.durable || f.s.ctx.Err() != nil {
		return time.Hour, nil
	}
	take := f.take
	if f.q.peek {
		take = f.peek
	}
	list, next, failed := take()
	if failed != nil {
		return f.inTrouble(failed)
	}
	f.trouble, f.pause = "", 0
	until := f.api.cfg.Now().Add(f.q.lease)
	for i := range list {
		f.shown[list[i].Seq] = until
		m := StreamMessage{InboxMessage: inboxMessage(&list[i])}
		if err := f.say(f.tell.event(nil, "", strconv.FormatUint(m.Seq, 10), marshal(m))); err != nil {
			f.giveBack(list[i:])
			return 0, err
		}
	}
	if len(list) > 0 {
		return 0, nil // there may be more
	}
	again = lookAgain
	for _, at := range []time.Time{next, f.doubt.check} {
		if !at.IsZero() {
			again = min(again, max(at.Sub(f.api.cfg.Now()), 10*time.Millisecond))
		}
	}
	return again, nil
}

// giveBack returns what was leased and not told, so that it need not wait for
// the end of its lease.
func (f *inboxFeed) giveBack(list []inbox.Stored) {
	if f.q.peek {
		return
	}
	items := make([]inbox.Returned, 0, len(list))
	for i := range list {
		items = append(items, inbox.Returned{Seq: list[i].Seq, Attempt: list[i].Attempts})
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.s.ctx), closingGrace)
	defer cancel()
	if _, err := f.api.cfg.Inboxes.Return(ctx, f.q.agent, items); err != nil {
		f.api.log.Debug("leased messages wait for the end of their leases", "agent", f.q.agent, "messages", len(items), "error", err)
	}
}

// inTrouble tells once why durable messages do not come now, and tries again.
func (f *inboxFeed) inTrouble(err error) (again time.Duration, failed error) {
	if f.s.ctx.Err() != nil {
		return maxInboxPause, nil // run says how it ended
	}
	f.pause = min(max(2*f.pause, minInboxPause), maxInboxPause)
	e := f.api.asError(f.s.ctx, err)
	if e.Code != f.trouble {
		f.trouble = e.Code
		failed = f.say(f.tell.event(nil, "trouble", "", marshal(feedCut{e.Code, e.Sentence, e.Details})))
	}
	return f.pause, failed
}
