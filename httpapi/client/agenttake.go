package client

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/node/jsonwalk"
)

// take acts on one frame of the node; data is the reader's to use again. An
// error is what the node says of the whole connection.
func (l *link) take(data []byte) error {
	f, err := readFrame(data)
	if err != nil {
		l.agent.log.Warn("a frame was passed over", "error", err)
		return nil
	}
	a := l.agent
	if f.Type != "seen" {
		switch fresh, gap := a.took(l, f.Frame, len(data)); {
		case gap:
			_ = l.ws.Close() // a new session begins
			return errFrame
		case !fresh:
			return nil
		}
	}
	switch f.Type {
	case "seen":
		a.mu.Lock()
		l.session.confirmed(f.Frame)
		a.mu.Unlock()
	case "receive":
		a.receive(l, &f)
	case "ack":
		if f.ID != "" {
			a.concluded(&f)
		}
		a.concludedAll(&f)
	case "reply":
		a.concluded(&f)
	case "error":
		if f.ID == "" {
			if f.InReplyTo != "" {
				a.log.Debug("an answer came too late", "agent", a.cfg.Name, "code", f.Code)
				return nil
			}
			return f.refusal()
		}
		if a.answered(&f) {
			return nil
		}
		a.concluded(&f)
	case "result":
		a.answered(&f)
	case "event":
		if a.cfg.OnEvent != nil {
			e := Event{Kind: f.Event, At: f.At, Data: slices.Clone(f.Data)}
			e.Time, _ = time.Parse(time.RFC3339Nano, f.Time)
			a.cfg.OnEvent(e)
		}
	case "dropped":
		a.tell(State{Connected: true, Node: l.session.node, Dropped: f.Count})
	}
	return nil
}

// sendOf takes a send out that is under way, nil for others. It needs the lock.
func (a *Agent) sendOf(id uint64) *sending {
	s := a.sends[id]
	if s == nil {
		return nil
	}
	s.ended = true
	delete(a.sends, id)
	return s
}

// concluded ends a send with the frame that is its end.
func (a *Agent) concluded(f *frameIn) {
	id, err := strconv.ParseUint(f.ID, 10, 64)
	if err != nil {
		return
	}
	a.mu.Lock()
	s := a.sends[id]
	if s == nil || f.Type == "error" && a.putOff(s, f) {
		a.mu.Unlock()
		return
	}
	a.sendOf(id)
	a.openRoom()
	a.mu.Unlock()
	r := Receipt{ID: f.MessageID, Status: Status(f.Status), Counts: f.Counts, Known: f.Known, Duplicate: f.Duplicate, Recipients: f.Recipients}
	if r.ID == "" {
		r.ID = s.messageID
	}
	if f.Type == "reply" {
		r.Reply = slices.Clone(f.Body)
	}
	var e error
	switch {
	case f.Type == "error":
		if r.Status == "" {
			r.Status = Refused // the frame came to nothing
		}
		if f.Code == CodeOutcomeUnknown {
			r.Status = Unknown
		}
		e = &SendError{r.ID, r.Status, f.refusal()}
		if f.Code == CodeKeyChanged && s.sealedTo != "" {
			a.forgetKey(s.sealedTo)
		}
	case r.Status == Unknown:
		e = &SendError{r.ID, Unknown, errors.New("the node lost its trace")}
	}
	if r.Status == Unknown {
		a.figures.unknown.Add(1)
	}
	s.done(r, e)
}

// concludedAll ends the sends that an ack for several names.
func (a *Agent) concludedAll(f *frameIn) {
	if len(f.IDs)+len(f.Ranges) == 0 {
		return
	}
	var ended []*sending
	end := func(id uint64) {
		if s := a.sendOf(id); s != nil {
			ended = append(ended, s)
		}
	}
	a.mu.Lock()
	for _, quoted := range f.IDs {
		end(jsonwalk.Number(quoted[1 : len(quoted)-1]))
	}
	for _, r := range f.Ranges {
		for id := r[0]; id <= min(r[1], a.nextID); id++ {
			end(id)
		}
	}
	a.openRoom()
	a.mu.Unlock()
	for _, s := range ended {
		s.done(Receipt{ID: s.messageID, Status: Status(f.Status), Known: f.Known}, nil)
	}
}

// putOff notes that a durable message was not taken this time, where it may be
// the next. It needs the lock.
func (a *Agent) putOff(s *sending, f *frameIn) bool {
	if !s.durable || s.ended {
		return false
	}
	e := f.refusal()
	if e.Status != http.StatusServiceUnavailable && f.Status != string(Unknown) || time.Now().After(s.deadline.Add(-overtime)) {
		return false
	}
	s.ever = s.ever || f.Status == string(Unknown) || f.Code == CodeOutcomeUnknown
	pause := min(firstPause<<min(s.tries, 10), 2*time.Second)
	if e.RetryAfter > 0 {
		pause = min(max(pause, e.RetryAfter), 2*time.Second)
	}
	s.tries++
	s.last, s.written, s.again = e, false, time.Now().Add(pause)
	a.arm()
	return true
}

const lookEvery = 50 * time.Millisecond

// arm has somebody look after what is under way. It needs the lock.
func (a *Agent) arm() {
	if a.armed {
		return
	}
	a.armed = true
	if a.timer == nil {
		a.timer = time.AfterFunc(lookEvery, a.look)
		return
	}
	a.timer.Reset(lookEvery)
}

// look repeats durable messages that were put off, and ends what has waited too
// long.
func (a *Agent) look() {
	now := time.Now()
	a.mu.Lock()
	a.armed = false
	lost := a.takeSends(func(s *sending) bool { return now.After(s.deadline) })
	repeated := false
	for _, s := range a.sends {
		if !s.again.IsZero() && now.After(s.again) {
			s.again = time.Time{}
			a.out = append(a.out, frameOut{s.frame, s})
			a.outBytes += len(s.frame)
			a.figures.repeated.Add(1)
			repeated = true
		}
	}
	if len(a.sends) > 0 {
		a.arm()
	}
	l := a.link
	a.mu.Unlock()
	if l != nil && repeated {
		l.nudge()
	}
	for _, s := range lost {
		why := errNoVerdict
		if s.last != nil {
			why = s.last
		}
		a.finish([]*sending{s}, why)
	}
}

var errNoVerdict = errors.New("nothing was heard of it in time")

// receive hands a message on.
func (a *Agent) receive(l *link, f *frameIn) {
	m := &Message{
		ID: f.MessageID, From: f.From, To: f.To, Type: f.MessageType, Conversation: f.Conversation,
		Body: slices.Clone(f.Body), Size: int64(f.Size), Wait: f.Wait,
		Durable: f.Durable, Seq: f.Seq, Attempt: int(f.Attempt), Sealed: f.Sealed,
		TraceParent: f.TraceParent, RequestID: f.RequestID,
		agent: a, session: l.session, frame: f.ID,
	}
	if f.DeadlineMs > 0 {
		m.Deadline = time.Now().Add(time.Duration(f.DeadlineMs) * time.Millisecond)
	}
	if f.AcceptedAt != "" {
		m.AcceptedAt, _ = time.Parse(time.RFC3339Nano, f.AcceptedAt)
	}
	if f.ExpiresAt != "" {
		m.ExpiresAt, _ = time.Parse(time.RFC3339Nano, f.ExpiresAt)
	}
	if m.Durable && !a.fresh(m) {
		a.figures.again.Add(1)
		return
	}
	a.figures.received.Add(1)
	if m.Sealed && m.Body != nil {
		body, err := a.open(m.Body)
		if err != nil {
			a.unreadable(m, err)
			return
		}
		m.Body = body
	}
	if topic, ok := strings.CutPrefix(m.To, "topic/"); ok {
		m.handler = a.handlerOf(topic)
	}
	a.work.add(a, m)
}

// unreadable gives back what cannot be opened: nobody else of this program can.
func (a *Agent) unreadable(m *Message, err error) {
	a.log.Warn("a sealed message cannot be opened", "agent", a.cfg.Name, "message", m.ID, "error", err)
	defer a.handled(m)
	switch {
	case m.Wait:
		_ = m.ReplyError("CANNOT_OPEN", "the agent cannot open the body: "+err.Error())
	case m.Durable:
		_ = m.Return(0, "cannot open the body: "+err.Error())
	default:
		_ = m.Ack()
	}
}
