package task

import (
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// LevelShare is the command level from which tasks are counted to the principal
// that asks for them.
const LevelShare = 5

// What tasks under way of one principal may take of MaxLive and MaxBytes, a
// quarter: who asks without end leaves room to the others. They are the same on
// every node.
var (
	shareLive        = MaxLive / 4
	shareBytes int64 = MaxBytes / 4
)

// share is what the state holds of one principal: tasks under way that are marked
// as counted, and their bodies. Those of before LevelShare are in nobody's.
type share struct {
	Live  int   `cbor:"1,keyasint"`
	Bytes int64 `cbor:"2,keyasint"`
}

// takes is what a task takes of its requester's share.
func (r *record) takes() share {
	if !r.Counted || r.state().Final() {
		return share{}
	}
	return share{1, r.Bytes}
}

func loadShare(r consensus.Reader, principal string) (h share, err error) {
	if data := r.Get(tableShares, []byte(principal)); data != nil {
		err = consensus.Decode(data, &h)
	}
	return h, err
}

// shareRoom says whether the share of a principal takes so much more.
func (s *store) shareRoom(principal, who string, tasks int, size int64) error {
	h, err := loadShare(s.w, principal)
	switch {
	case err != nil:
		return err
	case h.Live+tasks > shareLive:
		return shareFull(fmt.Sprintf("%d tasks that %s asked for are under way, its share of what the mesh keeps; wait until some end, or cancel some", h.Live, who), h)
	case h.Bytes+size > shareBytes:
		return shareFull(fmt.Sprintf("the bodies of tasks under way that %s asked for are %d KiB, its share of what the mesh keeps; wait until some end, or cancel some", who, h.Bytes>>10), h)
	}
	return nil
}

// grows says whether a task that goes on may have another body. A task that ends
// may: it is not under way any more.
func (s *store) grows(r *record, size int) error {
	if !r.Counted {
		return nil
	}
	return s.shareRoom(r.Requester.Principal, "the requester's credential", 0, int64(size))
}

func shareFull(sentence string, h share) error {
	return numbered.Refuse(CodeFull, sentence, "share", "credential", "live", fmt.Sprint(h.Live), "limit", fmt.Sprint(shareLive), "bytes", fmt.Sprint(h.Bytes), "limit_bytes", fmt.Sprint(shareBytes))
}

// recount brings the share of a task's requester up to date with what has
// changed of the task. Who asks is the same as long as the task is there.
func (s *store) recount(before, r *record) error {
	was, is := before.takes(), r.takes()
	if was == is {
		return nil
	}
	key := r.Requester.Principal
	h, err := loadShare(s.w, key)
	if err != nil {
		return err
	}
	h.Live += is.Live - was.Live
	h.Bytes += is.Bytes - was.Bytes
	if h == (share{}) {
		s.w.Delete(tableShares, []byte(key))
	} else {
		s.w.Put(tableShares, []byte(key), consensus.Encode(h))
	}
	return nil
}
