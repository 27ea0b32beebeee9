package gossip

import (
	"time"

	"github.com/hashicorp/memberlist"
)

// timing holds the intervals that tests scale.
type timing struct {
	probe, probeTimeout time.Duration
	gossip, pushPull    time.Duration
	toTheDead           time.Duration
	rejoin              time.Duration
	lease               time.Duration
	leaseTick           time.Duration
}

// A killed node is suspected after two to four probe intervals and failed three
// more after that (up to ten members), or six where no second witness confirms
// it: usually under five seconds, at most nine. A node that only stalls has
// those seconds to answer.
func defaultTiming() timing {
	return timing{
		probe: 900 * time.Millisecond,
		// The helpers of an indirect probe report after the same time again,
		// which must be within the interval.
		probeTimeout: 400 * time.Millisecond,
		gossip:       500 * time.Millisecond,
		pushPull:     10 * time.Second,
		toTheDead:    60 * time.Second,
		rejoin:       10 * time.Second,
		lease:        LeaseDuration,
		leaseTick:    time.Second,
	}
}

// packetSize leaves a packet room for the label and stays below what memberlist
// can say of the length of a part (16 bits).
const packetSize = 48 << 10

func (t timing) memberlist() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.ProtocolVersion = memberlist.ProtocolVersionMax
	c.DelegateProtocolVersion, c.DelegateProtocolMin, c.DelegateProtocolMax = 1, 1, 1
	c.BindAddr, c.BindPort = "", pseudoPort
	c.AdvertisePort = pseudoPort
	c.RequireNodeNames = true
	c.DisableTcpPings = true // packets travel by TCP as it is
	c.EnableCompression = false
	c.UDPBufferSize = packetSize
	c.TCPTimeout = helloTimeout
	c.ProbeInterval, c.ProbeTimeout = t.probe, t.probeTimeout
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 3, 2
	// No slowing down when probes fail: in a mesh of three that loses two, the
	// survivor would blame itself and take twice the promised time.
	c.AwarenessMaxMultiplier = 1
	c.GossipInterval, c.GossipNodes = t.gossip, 3
	c.PushPullInterval = t.pushPull
	c.GossipToTheDeadTime = t.toTheDead
	// Addresses are constant; if one differs all the same, time is no reason.
	c.DeadNodeReclaimTime = time.Nanosecond
	return c
}
