package agent

import (
	"errors"
	"time"

	"github.com/gorilla/websocket"

	"github.com/meshd/meshd/node/jsonwalk"
)

// maxFrames is how many frames one text message holds.
const maxFrames = 1024

// flushFrames is after how many frames of one message the client gets what it
// is owed meanwhile.
const flushFrames = 256

var errArray = badFrame("", "several frames in one message are a JSON array of objects, 1 to 1024 of them")

// text acts on a text message: a frame, or several in a JSON array.
func (l *link) text(data []byte) {
	i := jsonwalk.Space(data, 0)
	if i < len(data) && data[i] == '[' {
		l.several(data, i)
		return
	}
	var f inbound
	end := l.scan(data, i, &f)
	l.judge(l.take(data, &f, end >= 0 && jsonwalk.Space(data, end) == len(data)))
}

// several acts on the frames of the array at i, one after the other, as if each
// had come alone. Where the array is not right it has acted on what came before.
func (l *link) several(data []byte, i int) {
	right, more := true, true
	i = jsonwalk.Space(data, i+1)
	for n := 1; more; n++ {
		var f inbound
		end := l.scan(data, i, &f)
		known := end >= 0
		if !known {
			end = jsonwalk.Value(data, i)
		}
		if right = end > i && n <= maxFrames; !right {
			break
		}
		l.judge(l.take(data[i:end], &f, known))
		if l.spent || l.closing.Load() {
			return
		}
		i, more, right = nextElement(data, end)
		if n%flushFrames == 0 {
			l.idle()
			l.busy()
			l.now = time.Now()
		}
	}
	if !right {
		l.client.tell(errorFrame("", errArray))
		l.judge(errArray)
	}
}

// nextElement returns where the element begins that follows the one that ends
// at end. right is false where neither another follows nor the end of the array,
// with nothing behind it.
func nextElement(data []byte, end int) (begin int, more, right bool) {
	end = jsonwalk.Space(data, end)
	switch {
	case end == len(data):
		return end, false, false
	case data[end] == ',':
		return jsonwalk.Space(data, end+1), true, true
	}
	return end, false, data[end] == ']' && jsonwalk.Space(data, end+1) == len(data)
}

// judge counts a frame that was bad; too many of them in a row, or one that is
// missing, end the session.
func (l *link) judge(bad error) {
	c := l.client
	if bad == nil {
		l.bad = 0
		return
	}
	l.bad++
	c.server.bad.Inc()
	switch {
	case errors.Is(bad, errMissingFrame):
		l.spent = true
		c.end(websocket.ClosePolicyViolation, errMissingFrame.Error())
	case l.bad >= maxBadFrames:
		l.spent = true
		c.end(websocket.ClosePolicyViolation, "too many bad frames in a row")
	}
}
