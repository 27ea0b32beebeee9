package main

import (
	"strings"
	"testing"
)

func TestNamesAreCompleted(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /members": membersJSON,
		"GET /agents":  `{"agents":[{"name":"librarian","description":"knows\tthe graph"}]}`,
	})
	for args, want := range map[string]string{
		"ping":   "box\talive\nlab\tfailed\n:4\n",
		"remove": "box\talive\nlab\tfailed\n:4\n",
		"ask":    "librarian\tknows the graph\n:4\n",
		"status": ":0\n",
	} {
		code, out, _ := s.meshd("", append([]string{"__complete"}, append(strings.Fields(args), "")...)...)
		if code != 0 || !strings.HasSuffix(out, want) {
			t.Errorf("%s <Tab> offers %q, exit %d; want %q", args, out, code, want)
		}
	}
	s.answers = nil // a node that does not answer offers nothing
	if code, out, _ := s.meshd("", "__complete", "ping", ""); code != 0 || !strings.HasSuffix(out, ":4\n") {
		t.Errorf("ping <Tab> without an answer: %q, exit %d", out, code)
	}
}
