package realmesh

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Ports are given from blocks, each of which one process has to itself: packages
// are tested side by side, and a node that is down, or yet to come, does not hold
// the port it will have. Who listens on a block's first port has the block. All of
// them lie below the ports that systems give to outgoing connections.
const (
	firstPort = 11000
	portBlock = 200
	blocks    = 100
)

var ports struct {
	sync.Mutex
	held []net.Listener // for as long as the process lives
	left []int          // of the newest block
}

// FreeAddress returns a loopback address whose port was free just now, which no
// other test is given, in this process or in another: a node can have it again
// after a restart.
func FreeAddress(t testing.TB) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for {
		for len(ports.left) > 0 {
			port := ports.left[0]
			ports.left = ports.left[1:]
			address := fmt.Sprintf("127.0.0.1:%d", port)
			if ln, err := net.Listen("tcp", address); err == nil {
				_ = ln.Close()
				return address
			}
		}
		if err := anotherBlock(); err != nil {
			t.Fatal(err)
		}
	}
}

func anotherBlock() error {
	for _, block := range rand.Perm(blocks) {
		first := firstPort + block*portBlock
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
		if err != nil {
			continue
		}
		ports.held = append(ports.held, ln)
		for port := first + 1; port < first+portBlock; port++ {
			ports.left = append(ports.left, port)
		}
		return nil
	}
	return errors.New("every block of ports of this machine is taken")
}
