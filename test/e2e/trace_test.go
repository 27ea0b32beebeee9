package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// A message that its sender traces is followed from node to node by asking any
// of them, the third too; one that nobody traces leaves nothing.
func TestATraceCrossesNodes(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	knows(t, nodes[0], "librarian")
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	ask := func(flags string) {
		nodes[0].Client(nodes[0].AdminKey()).Want(200, nil, "POST", "/messages", map[string]any{
			"to": "librarian@" + nodes[1].Name, "body": "what is there", "wait": true,
		}, "traceparent", "00-"+trace+"-"+parent+"-"+flags)
	}
	ask("00")
	if r := nodes[2].Run("trace", trace); r.Code == 0 {
		t.Fatalf("a message that nobody traces left spans: %s", r.Stdout)
	}
	ask("01")

	type span struct {
		SpanID   string `json:"span_id"`
		ParentID string `json:"parent_id"`
		Name     string `json:"name"`
		Node     string `json:"node"`
		TookUs   int64  `json:"took_us"`
		Code     string `json:"code"`
	}
	var found struct {
		Spans  []span
		Silent []string
	}
	realmesh.Eventually(t, 10*time.Second, "all spans are there", func() error {
		nodes[2].JSON(&found, "trace", trace)
		if len(found.Spans) != 3 {
			return fmt.Errorf("%v", found)
		}
		return nil
	})
	at := func(name string) span {
		i := slices.IndexFunc(found.Spans, func(s span) bool { return s.Name == name })
		if i < 0 {
			t.Fatalf("there is no span %q: %v", name, found)
		}
		return found.Spans[i]
	}
	send, link, deliver := at("send"), at("link"), at("deliver")
	if send.ParentID != parent || link.ParentID != send.SpanID || deliver.ParentID != link.SpanID {
		t.Errorf("the spans do not hang together: %v", found.Spans)
	}
	if send.Node != nodes[0].Name || link.Node != nodes[0].Name || deliver.Node != nodes[1].Name {
		t.Errorf("the spans are of other nodes: %v", found.Spans)
	}
	if send.TookUs < link.TookUs || link.TookUs < deliver.TookUs {
		t.Errorf("a part took longer than the whole: %v", found.Spans)
	}
	if out := nodes[2].Must("trace", trace); !strings.Contains(out, "└─ deliver") {
		t.Errorf("not a tree:\n%s", out)
	}
}

// A durable message is followed through its inbox to the agent, which hears of
// the last span itself.
func TestATraceGoesThroughAnInbox(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	const trace = "0af7651916cd43dd8448eb211c80319c"
	inboxOf(t, nodes[1], key, "tracee", ackIt)
	admin := nodes[0].Client(nodes[0].AdminKey())
	admin.Want(200, nil, "POST", "/messages", map[string]any{"to": "tracee", "body": "x", "durable": true}, "traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	var found struct {
		Spans []struct {
			SpanID   string `json:"span_id"`
			ParentID string `json:"parent_id"`
			Name     string
		}
	}
	realmesh.Eventually(t, 15*time.Second, "the message is followed to its end", func() error {
		r := nodes[2].Run("trace", trace, "--json")
		if r.Code != 0 {
			return fmt.Errorf("%s", r.Stderr)
		}
		decode(t, r.Stdout, &found)
		parent := map[string]string{}
		for _, s := range found.Spans {
			for _, p := range found.Spans {
				if p.SpanID == s.ParentID {
					parent[s.Name] = p.Name
				}
			}
		}
		if parent["dispatch"] != "accept" || parent["send"] != "dispatch" || parent["deliver"] != "send" && parent["deliver"] != "link" {
			return fmt.Errorf("%v", parent)
		}
		return nil
	})
}

// What all nodes are busy with is seen through any of them.
func TestTopSeesAllNodes(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	knows(t, nodes[0], "librarian")
	var top struct {
		Nodes []struct {
			Name     string
			Answered bool
			Messages struct{ Delivered uint64 }
			Links    []struct {
				Connected bool
			}
		}
		Agents []struct{ Name, Node string }
	}
	for range 3 {
		nodes[0].Must("send", "librarian@"+nodes[1].Name, "what is there", "--wait")
	}
	realmesh.Eventually(t, 15*time.Second, "all nodes are seen", func() error {
		nodes[2].JSON(&top, "top")
		for _, n := range top.Nodes {
			if !n.Answered || len(n.Links) != 2 || n.Name == nodes[0].Name && n.Messages.Delivered < 3 {
				return fmt.Errorf("%+v", n)
			}
		}
		if len(top.Nodes) != 3 || len(top.Agents) < 3 {
			return fmt.Errorf("%+v", top)
		}
		return nil
	})
	if out := nodes[1].Must("top", "--once"); !strings.Contains(out, "NODE") || !strings.Contains(out, nodes[2].Name) || !strings.Contains(out, "librarian") {
		t.Errorf("the view is\n%s", out)
	}
}
