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

// What a shell is offered for words and flags of messages and tasks.
func TestCompletionOfMessagesAndTasks(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"GET /agents":    `{"agents":[{"name":"reviewer","description":"reads","hosts":[{"node_id":"n1","node":"office","instances":1}]},{"name":"writer","hosts":[]}]}`,
		"GET /tasks":     `{"tasks":[{"id":"17","state":"working","agent":"reviewer","type":"sum","attempt":1,"max_attempts":2}]}`,
		"GET /proposals": `{"proposals":[{"id":"3","kind":"policy_change","title":"two reviews","state":"open"}]}`,
	})
	for args, want := range map[string]string{
		"send\x00":                               "reviewer\treads\nwriter\n:4\n",
		"send\x00reviewer@":                      "reviewer@*\nreviewer@office\n:4\n",
		"send\x00a\x00b\x00--from\x00":           "reviewer\treads\nwriter\n:4\n",
		"tasks\x00--agent\x00":                   "reviewer\treads\nwriter\n:4\n",
		"tasks\x00show\x00":                      "17\tworking, reviewer sum\n:4\n",
		"tasks\x00cancel\x00":                    "17\tworking, reviewer sum\n:4\n",
		"tasks\x00run\x00a\x00b\x00--parent\x00": "17\tworking, reviewer sum\n:4\n",
		"proposals\x00show\x00":                  "3\topen, two reviews\n:4\n",
		"proposals\x00vote\x00":                  "3\topen, two reviews\n:4\n",
		"proposals\x00vote\x003\x00":             "approve\nreject\nabstain\n:4\n",
	} {
		if code, out, _ := s.meshd("", append([]string{"__complete"}, strings.Split(args, "\x00")...)...); code != 0 || out != want {
			t.Errorf("%q: %q, want %q", args, out, want)
		}
	}
}
