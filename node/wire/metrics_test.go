package wire

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	a, b := startNode(t, func(c *Config, _ *limits) { c.Registerer = registry }), startNode(t)
	introduce(a, b)
	b.Handle("echo", echo)
	if err := dialPeerProtocol(within(t, patience), a, b); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range families {
		found[f.GetName()] = true
	}
	for _, name := range []string{"meshd_wire_connections", "meshd_wire_calls_total", "meshd_wire_bytes_total", "meshd_wire_dials_total", "meshd_wire_inbound_connections"} {
		if !found[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	// A node reopened in the same process registers again.
	startNodeAt(t, a.identity, newBook(), "127.0.0.1:0", func(c *Config, _ *limits) { c.Registerer = registry })
}
