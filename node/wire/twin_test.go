package wire

import "testing"

// Another process with a node's key is found at its address; the process itself
// and other nodes are none.
func TestTwinIsFoundAndNotOneself(t *testing.T) {
	a, b := pair(t)
	addresses := []string{a.address, b.address}
	if twin, ok := a.FindTwin(t.Context(), addresses); ok {
		t.Errorf("it takes itself or another node for a twin: %+v", twin)
	}
	double := startNodeAt(t, a.identity, newBook(), "127.0.0.1:0")
	double.book.set(b.entry())
	found, ok := a.FindTwin(t.Context(), append(addresses, double.address))
	if !ok || found.Address != double.address || !found.Younger {
		t.Errorf("of a twin at %s it finds %+v", double.address, found)
	}
	if found, ok = double.FindTwin(t.Context(), addresses); !ok || found.Address != a.address || found.Younger {
		t.Errorf("the twin finds %+v at %s", found, a.address)
	}
}
