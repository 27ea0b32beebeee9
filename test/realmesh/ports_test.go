package realmesh

import (
	"net"
	"strconv"
	"testing"
)

// Two packages that were tested at once could be given one port: a node that was
// killed found it taken when it was started again.
func TestPortsOfOneProcessAreNoOthers(t *testing.T) {
	block := func(address string) int {
		t.Helper()
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		return (n - firstPort) / portBlock
	}
	seen, mine := map[string]bool{}, map[int]bool{}
	for range portBlock + 10 {
		address := FreeAddress(t)
		if seen[address] {
			t.Fatalf("%s is given twice", address)
		}
		seen[address], mine[block(address)] = true, true
	}
	held, left := ports.held, ports.left
	ports.held, ports.left = nil, nil // as another process has them
	for range 20 {
		if address := FreeAddress(t); mine[block(address)] {
			t.Errorf("%s is given to two", address)
		}
		ports.left = nil
	}
	for _, ln := range ports.held {
		ln.Close()
	}
	ports.held, ports.left = held, left
}
