package main

import "testing"

// A terminal that takes lines only is not drawn on.
func TestTopDrawsNotOnADumbTerminal(t *testing.T) {
	for _, c := range []struct {
		kind, system string
		want         bool
	}{
		{"xterm-256color", "linux", true}, {"dumb", "linux", false}, {"", "linux", false}, {"", "windows", true}, {"dumb", "windows", false},
	} {
		if got := drawable(c.kind, c.system); got != c.want {
			t.Errorf("TERM=%q on %s: %v", c.kind, c.system, got)
		}
	}
}
