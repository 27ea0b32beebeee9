package graphsync

import "github.com/meshd/meshd/consensus"

// held is what log and history hold. It lies in the last entry of the log: kept
// beside, it would be one more place to write with every command.
type held struct {
	count  uint64 // changes
	bytes  uint64 // of log and history, keys included
	oldest int64  // ms, when the first change in the log was made
}

const heldSize = 6 + 6 + 6

func append48(b []byte, n uint64) []byte {
	return append(b, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

func read48(b []byte) (n uint64) {
	for _, x := range b[:6] {
		n = n<<8 | uint64(x)
	}
	return n
}

func (h *held) append(b []byte) []byte {
	return append48(append48(append48(b, h.count), h.bytes), uint64(h.oldest))
}

func readHeld(b []byte) held {
	return held{count: read48(b), bytes: read48(b[6:]), oldest: int64(read48(b[12:]))}
}

// lastChange returns the last entry of the log; ok is false where there is none.
func (v *view) lastChange() (c change, ok bool) {
	return readChange(consensus.Last(v.r, tLog))
}

// held returns what log and history hold.
func (v *view) held() held {
	c, _ := v.lastChange()
	return c.held
}

// heldNow is what log and history hold amid a command, to be changed.
func (t *tx) heldNow() *held {
	if !t.looked {
		t.holds, t.looked = t.held(), true
	}
	return &t.holds
}

// endLog forgets what is over a bound, and writes what is held behind it. A
// command may have no change to say that with, if it erased a part of a past:
// then the last one before it does.
func (t *tx) endLog() {
	if t.ord > 0 {
		t.noted.flags |= hasHeld
		t.holds.bytes += heldSize
		t.trim()
		t.noted.held = t.holds
		t.writeNoted()
		return
	}
	if !t.looked {
		return
	}
	if c, ok := t.lastChange(); ok && c.held != t.holds {
		c.held = t.holds
		t.w.Put(tLog, appendLogKey(nil, c.rev, c.ord), c.append(nil))
	}
}
