// Package fabric is a network in a bottle: each host is a network namespace of
// its own with one TUN device, and the packets between them pass through this
// process, which may drop, delay or lose them, in each direction apart.
//
// It needs Linux, root, /dev/net/tun and the ip command, and nothing of the
// kernel's packet filters and schedulers. Processes started on a host know
// nothing of it: their sockets, retransmissions and time-outs are the real
// ones. A host may have a disk of its own, which can lose its power and be full
// (Disk). Nothing outlives the process that made it, but the disk's image.
package fabric

import (
	"errors"
	"time"
)

// ErrUnsupported says that this machine cannot make such networks, and why.
var ErrUnsupported = errors.New("no networks of namespaces here")

// Link is what befalls packets on their way from one host to another.
type Link struct {
	Cut    bool
	Delay  time.Duration // of each packet, in order
	Jitter time.Duration // up to this much more
	Loss   float64       // probability, 0 to 1
}

// with joins what two causes do to one link.
func (l Link) with(m Link) Link {
	return Link{
		Cut: l.Cut || m.Cut, Delay: l.Delay + m.Delay, Jitter: max(l.Jitter, m.Jitter),
		Loss: 1 - (1-l.Loss)*(1-m.Loss),
	}
}

// Counts are what happened to packets until now.
type Counts struct{ Passed, Cut, Lost, Delayed, Unroutable int64 }
