package main

import (
	"strings"
	"testing"
)

// What an agent answers as an error is shown, and does nothing to the terminal.
func TestAnErrorOfAnAgentDoesNotSpeakToTheTerminal(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"POST /messages": `502 {"error":"\u001b]0;title\u0007\u001b[31mno paper\u202e","code":"AGENT_ERROR","details":{"agent_code":"X"}}`,
	})
	for _, args := range [][]string{{"ask", "printer", "hi"}, {"send", "printer", "hi", "--wait"}, {"ask", "printer", "hi", "--json"}} {
		_, out, errOut := s.meshd("", args...)
		if strings.ContainsAny(out+errOut, "\x1b\x07\u202e") || !strings.Contains(out+errOut, "no paper") {
			t.Errorf("%s: %q %q", args, out, errOut)
		}
	}
}
