package inbox

import (
	"encoding/binary"
)

// Kinds of commands: the first byte of the body. Numbers are never reused.
// Batches, chunks and what lets go of them are written by hand, the others are CBOR behind the kind.
const (
	kindBatch       = 1
	kindChunk       = 2
	kindReturn      = 3
	kindLease       = 4
	kindExpire      = 5
	kindPurge       = 6
	kindRedrive     = 7
	kindDropDead    = 8
	kindSubscribe   = 9
	kindUnsubscribe = 10
	kindClaim       = 11
	kindRelease     = 12
	kindKey         = 13
	kindSweep       = 14
	kindUnstage     = 15 // from LevelUnstage on
)

// Bounds of one command: its loops end.
const (
	// MaxAgents bounds the names that inboxes are kept for.
	MaxAgents = 100_000
	// MaxSubscriptions bounds those of one agent, maxSubscriptions those of all.
	MaxSubscriptions = 256
	maxSubscriptions = 100_000
	// maxItems bounds what one command says of messages.
	maxItems = 4096
	// maxSwept bounds what time takes away in one command.
	maxSwept = 64
	// maxClaims bounds the claims of one command.
	maxClaims = 512
	// maxKey bounds a published recipient.
	maxKey = 8 << 10
	// maxStaged bounds the parts of bodies that no message names yet.
	maxStaged = 256 << 20
	// blobTTL is how long they are kept.
	blobTTL = 10 * 60_000
	// fromTTL is how long the answer to a Service's command is kept.
	fromTTL = 60 * 60_000
	// rememberFor and remembered bound the message ids that are remembered.
	rememberFor = 24 * 3600_000
	remembered  = 1_000_000
)

// batchHead begins a batch: a format, who made it, and its number there. A
// source is a Service from its beginning to its end. It has lanes, on each of
// which one batch is on its way at a time, with numbers that rise: so the answer
// to the last batch of each lane is all that must be kept to know one that comes
// again.
type batchHead struct {
	Source [8]byte
	Lane   byte
	Number uint64
}

func (h *batchHead) encode(b []byte) []byte {
	b = append(b, kindBatch, format)
	b = append(b, h.Source[:]...)
	return binary.AppendUvarint(append(b, h.Lane), h.Number)
}

func (h *batchHead) read(c *cursor) {
	if c.byte() != format {
		c.fail()
	}
	copy(h.Source[:], c.take(len(h.Source)))
	h.Lane, h.Number = c.byte(), c.uvarint()
}

// slot is the key of the answer.
func (h *batchHead) slot() []byte { return append(h.Source[:], h.Lane) }

// Items of a batch: the first byte of each.
const (
	itemAck    = 1
	itemAccept = 2
	// itemCounted is an itemAccept that is counted to the share of its sender's
	// principal; from LevelShare on.
	itemCounted = 3
)

// appendAck writes the acknowledgement of messages by one agent. Numbers are
// told by their distance.
func appendAck(b []byte, agent string, seqs []uint64) []byte {
	b = append(b, itemAck)
	b = appendText(b, agent)
	b = binary.AppendUvarint(b, uint64(len(seqs)))
	last := uint64(0)
	for _, s := range seqs {
		b = binary.AppendVarint(b, int64(s-last))
		last = s
	}
	return b
}

// accept is a message to be accepted, as a batch carries it.
type accept struct {
	Counted     bool // an itemCounted
	Flags       byte
	Priority    Priority
	MaxAttempts byte
	TTL         int64
	Delay       int64
	Redelivery  int64
	IDHash      [16]byte // with acceptID
	Print       imprint  // with acceptPrint
	BodySize    uint64
	Blob        blobID // with acceptBlob
	Body        []byte // with acceptBody: too large to lie in the record
	To          []byte // the recipients, encoded
	Tail        []byte
}

const (
	acceptSealed    = 1 << iota // the body is sealed
	acceptID                    // the id is the sender's own: remember it
	acceptBroadcast             // to every known agent but the sender
	acceptTopic                 // to those who take the topic of the tail
	acceptBody                  // the body comes beside the tail
	acceptBlob                  // the body was staged
	acceptSticky                // to the instance that has its conversation
	acceptPrint                 // what the message is, beside its id; from LevelPrint on
)

func (a *accept) encode(b []byte) []byte {
	kind := byte(itemAccept)
	if a.Counted {
		kind = itemCounted
	}
	b = append(b, kind, a.Flags, byte(a.Priority), a.MaxAttempts)
	b = binary.AppendUvarint(b, uint64(a.TTL))
	b = binary.AppendUvarint(b, uint64(a.Delay))
	b = binary.AppendUvarint(b, uint64(a.Redelivery))
	b = binary.AppendUvarint(b, a.BodySize)
	if a.Flags&acceptID != 0 {
		b = append(b, a.IDHash[:]...)
	}
	if a.Flags&acceptPrint != 0 {
		b = append(b, a.Print[:]...)
	}
	if a.Flags&acceptBlob != 0 {
		b = append(b, a.Blob[:]...)
	}
	if a.Flags&acceptBody != 0 {
		b = appendText(b, a.Body)
	}
	if a.Flags&(acceptTopic|acceptBroadcast) == 0 {
		b = appendText(b, a.To)
	}
	return appendText(b, a.Tail)
}

// maxTail bounds texts and an inline body.
const maxTail = 11*(maxLabel+2) + inlineBody

// maxTo bounds the recipients of an item, encoded.
const maxTo = 256 << 10

func (a *accept) read(c *cursor) {
	*a = accept{Flags: c.byte(), Priority: Priority(c.byte()), MaxAttempts: c.byte()}
	a.TTL, a.Delay, a.Redelivery = c.millis(), c.millis(), c.millis()
	a.BodySize = c.uvarint()
	if a.Flags&acceptID != 0 {
		copy(a.IDHash[:], c.take(len(a.IDHash)))
	}
	if a.Flags&acceptPrint != 0 {
		copy(a.Print[:], c.take(len(a.Print)))
	}
	if a.Flags&acceptBlob != 0 {
		copy(a.Blob[:], c.take(len(a.Blob)))
	}
	if a.Flags&acceptBody != 0 {
		a.Body = c.text(chunkBody)
	}
	if a.Flags&(acceptTopic|acceptBroadcast) == 0 {
		a.To = c.text(maxTo)
	}
	a.Tail = c.text(maxTail)
	if a.Flags&(acceptID|acceptPrint) == acceptPrint || a.Priority > Critical || a.MaxAttempts == 0 || a.BodySize > MaxBody || a.TTL > MaxTTL.Milliseconds() {
		c.fail()
	}
}

func appendRecipient(b []byte, r Recipient) []byte {
	return appendText(appendText(b, r.Agent), r.Node)
}

// Answers to the items of a batch, one for each in their order.
const (
	// answerNext is a message to one known agent that got the number after the
	// one before it in this answer.
	answerNext = 0
	// answerAccepted has flags, number, count and some names.
	answerAccepted = 1
	// answerAcked has how many were removed.
	answerAcked = 2
	// answerRefused has a verdict.
	answerRefused = 3
)

const (
	answerKnown     = 1
	answerDuplicate = 2
)

// maxNamed is how many recipients an answer names.
const maxNamed = 256

// answer is one of them.
type answer struct {
	Kind       byte
	Known      bool
	Duplicate  bool
	Seq        uint64
	Count      uint64
	Full       uint64
	Recipients []string
	Verdict    verdict
}

// verdict is why an item was refused.
type verdict struct {
	Why            byte
	Name           string
	Messages, Size uint64
}

// Verdicts: numbers are part of the format.
const (
	whyInboxFull     = 1
	whyMeshFull      = 2
	whyAgents        = 3
	whyNoSubscribers = 4
	whyRecipients    = 5
	whyBlob          = 6
	whyNobody        = 7
	whyOther         = 8 // Messages says which parts of its imprint differ
	whyShareFull     = 9
)

// answers writes the answers of a batch.
type answers struct {
	b    []byte
	last uint64
}

func (a *answers) accepted(x *answer) {
	if x.Known && !x.Duplicate && x.Count == 1 && x.Full == 0 && len(x.Recipients) == 0 && x.Seq == a.last+1 {
		a.b = append(a.b, answerNext)
		a.last++
		return
	}
	var flags byte
	if x.Known {
		flags |= answerKnown
	}
	if x.Duplicate {
		flags |= answerDuplicate
	}
	a.b = append(a.b, answerAccepted, flags)
	a.b = binary.AppendUvarint(a.b, x.Seq)
	a.b = binary.AppendUvarint(a.b, x.Count)
	a.b = binary.AppendUvarint(a.b, x.Full)
	a.b = binary.AppendUvarint(a.b, uint64(len(x.Recipients)))
	for _, name := range x.Recipients {
		a.b = appendText(a.b, name)
	}
	if !x.Duplicate {
		a.last = x.Seq + x.Count - 1
	}
}

func (a *answers) acked(n uint64) {
	a.b = binary.AppendUvarint(append(a.b, answerAcked), n)
}

func (a *answers) refused(v verdict) {
	a.b = append(a.b, answerRefused, v.Why)
	a.b = appendText(a.b, v.Name)
	a.b = binary.AppendUvarint(a.b, v.Messages)
	a.b = binary.AppendUvarint(a.b, v.Size)
}

// readAnswer reads the next; last is the number that answerNext counts on.
func readAnswer(c *cursor, last *uint64) (x answer) {
	switch x.Kind = c.byte(); x.Kind {
	case answerNext:
		*last++
		return answer{Kind: answerAccepted, Known: true, Seq: *last, Count: 1}
	case answerAccepted:
		flags := c.byte()
		x.Known, x.Duplicate = flags&answerKnown != 0, flags&answerDuplicate != 0
		x.Seq, x.Count, x.Full = c.uvarint(), c.uvarint(), c.uvarint()
		for range c.count(maxNamed) {
			x.Recipients = append(x.Recipients, c.string(maxName))
		}
		if !x.Duplicate {
			*last = x.Seq + x.Count - 1
		}
	case answerAcked:
		x.Count = c.uvarint()
	case answerRefused:
		x.Verdict = verdict{Why: c.byte(), Name: c.string(maxName), Messages: c.uvarint(), Size: c.uvarint()}
	default:
		c.fail()
	}
	return x
}
