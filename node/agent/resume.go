package agent

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/strictjson"
)

// Bounds of resuming. Frames of the client are confirmed when so many, or so
// many bytes of them, are not, and with whatever else it is told.
const (
	resumeWindow = 60 * time.Second
	resumeWait   = 5 * time.Second // for the first frame of a connection that resumes
	maxResume    = 1 << 10
	seenEvery    = 32
	seenBytes    = 32 << 10
)

func newSecret() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// canResume lets the session outlive its connection from now on.
func (c *client) canResume() {
	c.mu.Lock()
	secret := c.secret
	c.mu.Unlock()
	c.server.remember(c, secret)
	c.resumable.Store(true)
}

// arrived counts a frame of the client; fresh is false for one that was taken
// before. It needs taking.
func (c *client) arrived(number uint64, size int) (fresh bool, err error) {
	if number > 0 && number <= c.taken.Load() {
		return false, nil
	}
	if number != c.taken.Load()+1 {
		refusal := badFrame("frame", "the frame "+strconv.FormatUint(number, 10)+" does not follow the frame "+strconv.FormatUint(c.taken.Load(), 10)+": number your frames without gaps")
		c.tell(errorFrame("", refusal))
		return false, errors.Join(refusal, errMissingFrame)
	}
	c.taken.Store(number)
	n := c.unseen.Add(1)
	if n == 1 {
		c.unseenBytes = 0
	}
	if c.unseenBytes += size; c.unseenBytes >= seenBytes && n < seenEvery {
		c.unseen.Store(seenEvery)
	}
	return true, nil
}

// seenFrame confirms what was taken.
func (c *client) seenFrame() []byte {
	c.unseen.Store(0)
	return append(strconv.AppendUint([]byte(`{"type":"seen","frame":`), c.taken.Load(), 10), '}')
}

// confirm forgets what the client has taken.
func (c *client) confirm(seen uint64) error {
	if !c.resumable.Load() {
		err := badFrame("type", "seen is for sessions that can be resumed; say so in hello")
		c.tell(errorFrame("", err))
		return err
	}
	c.writing.Lock()
	done, ok := c.kept.confirm(seen, &c.server.heldKept)
	c.writing.Unlock()
	if !ok {
		err := badFrame("frame", "the node has not sent that frame")
		c.tell(errorFrame("", err))
		return err
	}
	for _, a := range done {
		a.d.Delivered()
	}
	return nil
}

// leave takes a broken connection from a session that may be resumed, if another
// has not taken the session over; false where the session cannot go on.
func (c *client) leave(l *link) bool {
	if !c.resumable.Load() {
		return false
	}
	c.mu.Lock()
	switch {
	case c.ended || c.why != "":
		c.mu.Unlock()
		return false
	case c.link.Load() != l: // taken over since the connection's end was found out
		c.mu.Unlock()
		return true
	case !c.server.aways.charge(c.who.Principal, 1):
		c.server.aways.release(c.who.Principal, 1)
		c.mu.Unlock()
		return false
	}
	session := c.session
	c.link.Store(nil)
	c.away = c.server.clock.Load()
	c.mu.Unlock()
	if session != nil && c.who.Name != "" {
		if lost := c.server.cfg.Lost; lost != nil {
			lost(c.who.Name)
		}
		c.showAway(session)
	}
	return true
}

// showAway tells the router whether the session has a connection. It looks again
// afterwards, since another may take the session over meanwhile, and be sooner
// to tell.
func (c *client) showAway(session *message.Session) {
	for {
		away := c.isAway()
		session.SetAway(away)
		if c.isAway() == away {
			return
		}
	}
}

func (c *client) isAway() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away > 0
}

// present says that the session has a connection again, or ends. It needs mu.
func (c *client) present() {
	if c.away > 0 {
		c.away = 0
		c.server.aways.release(c.who.Principal, 1)
	}
}

// readResume reads the first frame of a connection that says it resumes.
func readResume(conn *websocket.Conn) (session string, seen uint64, err error) {
	conn.SetReadLimit(maxResume)
	if err := conn.SetReadDeadline(time.Now().Add(resumeWait)); err != nil {
		return "", 0, err
	}
	kind, data, err := conn.ReadMessage()
	if err != nil {
		return "", 0, err
	}
	if session, seen, err = decodeResume(data); err == nil && kind != websocket.TextMessage {
		err = errNoResume
	}
	if err != nil {
		return "", 0, err
	}
	return session, seen, conn.SetReadDeadline(time.Time{})
}

var errNoResume = consensus.Refuse(message.CodeInvalid, `with ?resume=1 the first message must be {"type":"resume","session":"…","seen":n}, within 5 seconds`)

func decodeResume(data []byte) (session string, seen uint64, err error) {
	var f struct {
		Type    string `json:"type"`
		Session string `json:"session"`
		Seen    uint64 `json:"seen"`
	}
	if strictjson.Decode(data, &f) != nil || f.Type != "resume" || f.Session == "" {
		return "", 0, errNoResume
	}
	return f.Session, f.Seen, nil
}

// resume gives a session a new connection; nil where it cannot go on. What the
// client has not seen goes out at once.
func (s *Server) resume(l *link, who Client, secret string, seen uint64) *client {
	c := s.session(secret)
	if c == nil || c.who.Principal != who.Principal || c.who.Name != who.Name {
		return nil
	}
	if old := c.link.Load(); old != nil {
		old.fail("the client has another connection")
	}
	c.taking.Lock()
	defer c.taking.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	if quicker := c.link.Load(); quicker != nil { // it resumed while this one waited
		quicker.fail("the client has another connection")
	}
	out := getBuffer()
	defer putBuffer(out)
	hello := c.hello()
	taken := c.taken.Load()
	hello.Session, hello.Resumed, hello.Seen = secret, true, &taken
	text, err := hello.encode()
	if err != nil {
		return nil
	}
	*out = appendWS(*out, opText, text)
	whole := c.kept.since(seen, func(frame []byte) { *out = appendWS(*out, opText, frame) })
	c.mu.Lock()
	session := c.session
	if !whole || c.ended || c.why != "" {
		c.mu.Unlock()
		c.end(websocket.CloseGoingAway, "the client lost more than was kept for it")
		return nil
	}
	c.link.Store(l)
	c.present()
	c.mu.Unlock()
	l.client = c
	c.unseen.Store(0)
	if l.write(*out) != nil {
		l.fail("a frame could not be written") // its reader takes it from here
	}
	done, _ := c.kept.confirm(seen, &s.heldKept)
	for _, a := range done {
		a.d.Delivered()
	}
	if session != nil && who.Name != "" {
		c.showAway(session)
	}
	return c
}
