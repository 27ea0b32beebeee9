package wire

import (
	"context"
	"sync"

	"github.com/meshd/meshd/node/identity"
)

// Twin is another running process that has this node's key.
type Twin struct {
	Address string
	// Younger says that it was started after this one, by the clocks of the two.
	Younger bool
}

// FindTwin asks at all addresses whether a process answers that proves this
// node's own key and is not this one: a copy of its data directory is in use.
// Two of one identity have one vote between them and could give it to two
// leaders. ctx bounds the search; an address that does not answer in it has none.
// A twin that is older than this protocol's answer to itself is not found.
func (p *Port) FindTwin(ctx context.Context, addresses []string) (found Twin, ok bool) {
	var asking sync.WaitGroup
	var mu sync.Mutex
	for _, address := range addresses[:min(len(addresses), maxAddresses)] {
		asking.Go(func() {
			d := dialer{identity: p.identity, protocol: ProtocolPeer, pins: []identity.Pin{p.identity.Pin()}, each: p.limits.dial, meter: p.meter}
			won, err := d.dial(ctx, p.id, []string{address}, "")
			if err != nil {
				return
			}
			defer won.conn.NetConn().Close()
			a, _ := p.greet(ctx, won.conn, p.hello()) // it refuses a connection with itself, and says who it is
			if a.Incarnation == 0 || a.Incarnation == p.incarnation {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found, ok = Twin{Address: address, Younger: a.Incarnation > p.incarnation}, true
		})
	}
	asking.Wait()
	return found, ok
}
