package faults

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// write is one write of a client, and what came of it.
type write struct {
	label string
	a     realmesh.Answer
	err   error
}

func (w write) made() bool { return w.err == nil && w.a.Status == http.StatusCreated }

func (w write) id() (id uint64) {
	var n struct{ ID uint64 }
	_ = json.Unmarshal(w.a.Body, &n)
	return n.ID
}

// send writes many nodes of the graph at once; strike happens while they are
// under way.
func send(c *realmesh.Client, namespace string, labels []string, keys bool, strike func()) []write {
	out := make([]write, len(labels))
	var all sync.WaitGroup
	for i, label := range labels {
		all.Go(func() {
			var headers []string
			if keys {
				headers = []string{"Idempotency-Key", "once/" + label}
			}
			out[i].label = label
			out[i].a, out[i].err = c.Ask(http.MethodPost, "/graph/nodes", map[string]any{"session_id": namespace, "node_type": "entry", "label": label}, headers...)
		})
	}
	strike()
	all.Wait()
	return out
}

func named(prefix string, round, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%s-%d-%d", prefix, round, i))
	}
	return out
}

// count says how often each label is there, by every node, which must agree.
func count(t testing.TB, namespace string, nodes []*realmesh.Node) map[string]int {
	t.Helper()
	realmesh.Eventually(t, 40*time.Second, "all hold the same", func() error { return realmesh.Same(nodes...) })
	var first map[string]int
	for _, n := range nodes {
		there := map[string]int{}
		for _, label := range n.Labels(namespace) {
			there[label]++
		}
		if first == nil {
			first = there
		} else if len(first) != len(there) {
			t.Errorf("%s holds %d labels, %s holds %d", n.Name, len(there), nodes[0].Name, len(first))
		}
	}
	return first
}

// A node is killed between a client's writes and their answers: the one that
// took them, or the leader they went to. The client says each again, with its
// key, at another node: each has taken effect once, and is answered alike ever
// after (F19).
func TestF19KilledBetweenSendAndAnswer(t *testing.T) {
	t.Parallel()
	const seed = 19
	rng := rand.New(rand.NewPCG(seed, 0))
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	var all, answered, replayed int
	for round := range rounds(4) {
		leader := realmesh.Leader(t, nodes...)
		entry := without(nodes, leader)[rng.IntN(2)]
		victim := leader
		if round%2 == 0 {
			victim = entry
		}
		other := without(nodes, entry, victim)[0]
		c := entry.Client(key)
		c.Want(http.StatusOK, nil, http.MethodGet, "/graph/namespaces", nil) // the connection stands
		writes := send(c, "f19", named("k", round, 12), true, func() {
			time.Sleep(upTo(rng, 8*time.Millisecond)) // at any point of their way
			victim.Kill()
		})
		elsewhere := other.Client(key)
		for _, w := range writes {
			all++
			if w.made() {
				answered++
			}
			body := map[string]any{"session_id": "f19", "node_type": "entry", "label": w.label}
			again := write{label: w.label}
			realmesh.Eventually(t, 30*time.Second, "the write is acknowledged elsewhere", func() error {
				again.a, again.err = elsewhere.Ask(http.MethodPost, "/graph/nodes", body, "Idempotency-Key", "once/"+w.label)
				if !again.made() {
					return fmt.Errorf("%w %s", again.err, again.a)
				}
				return nil
			})
			was := again.a.Header.Get("Idempotency-Replayed") == "true"
			if was {
				replayed++
			}
			if w.made() && (!was || w.id() != again.id() || string(w.a.Body) != string(again.a.Body) || w.a.Revision() != again.a.Revision()) {
				t.Errorf("%s was answered %s at revision %d, and then %s at %d (replayed: %t)", w.label, w.a, w.a.Revision(), again.a, again.a.Revision(), was)
			}
			body["label"] = w.label + " and more"
			if a := elsewhere.Want(http.StatusConflict, nil, http.MethodPost, "/graph/nodes", body, "Idempotency-Key", "once/"+w.label); a.Code() != "IDEMPOTENCY_MISMATCH" {
				t.Errorf("another body: %s", a)
			}
		}
		victim.Start("serve")
		victim.WaitServing()
	}
	there := count(t, "f19", nodes)
	if len(there) != all {
		t.Errorf("%d labels are there, %d were written", len(there), all)
	}
	for label, n := range there {
		if n != 1 {
			t.Errorf("%s is there %d times", label, n)
		}
	}
	t.Logf("%d of %d were answered before the kill; %d of the second tries were replays", answered, all, replayed)
}

// The leader is killed or hands over while other nodes forward writes to it
// whose clients gave no key. The nodes repeat by themselves: what is answered as
// done is there once, what is answered as unknown at most once, and nothing is
// answered otherwise (F20).
func TestF20ForwardedWritesWhileTheLeaderGoes(t *testing.T) {
	t.Parallel()
	const seed = 20
	rng := rand.New(rand.NewPCG(seed, 0))
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	made, unknown := map[string]bool{}, map[string]bool{}
	for round := range rounds(4) {
		leader := realmesh.Leader(t, nodes...)
		rest := without(nodes, leader)
		var mu sync.Mutex
		var clients sync.WaitGroup
		struck := make(chan struct{})
		delay := upTo(rng, 30*time.Millisecond)
		for i, n := range rest {
			c := n.Client(key)
			clients.Go(func() {
				for batch := range 8 { // before, in and after the moment
					writes := send(c, "f20", named(n.Name, round*100+i*10+batch, 8), false, func() {})
					mu.Lock()
					for _, w := range writes {
						switch {
						case w.made():
							made[w.label] = true
						case w.err == nil && (w.a.Code() == "OUTCOME_UNKNOWN" || w.a.Code() == "NO_LEADER"):
							unknown[w.label] = w.a.Code() == "OUTCOME_UNKNOWN"
						default:
							t.Errorf("%s: %v %s", w.label, w.err, w.a)
						}
					}
					mu.Unlock()
					if batch == 5 {
						<-struck
					}
				}
			})
		}
		time.Sleep(delay) // at any point of their way
		if round%2 == 0 {
			leader.Kill()
		} else if code := leader.Stop(); code != 0 {
			t.Errorf("%s ended with %d", leader.Name, code)
		}
		close(struck)
		clients.Wait()
		leader.Start("serve")
		leader.WaitServing()
	}
	there := count(t, "f20", nodes)
	for label := range made {
		if there[label] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", label, there[label])
		}
	}
	for label, may := range unknown {
		if n := there[label]; n > 1 || n == 1 && !may {
			t.Errorf("%s was not acknowledged (unknown: %t) and is there %d times", label, may, n)
		}
	}
	if len(there) > len(made)+len(unknown) {
		t.Errorf("%d labels are there, %d were written", len(there), len(made)+len(unknown))
	}
	t.Logf("%d acknowledged, %d not", len(made), len(unknown))
}

// The same key at the same time, at one node and at all; with another body,
// route and credential; and for what may be shown once only.
func TestIdempotencyKeysAsPromised(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	admin := nodes[0].AdminKey()
	_, user := nodes[0].APIKey("user")
	clients := make([]*realmesh.Client, 0, 3)
	for _, n := range nodes {
		clients = append(clients, n.Client(admin))
	}
	for round := range 5 {
		key := fmt.Sprintf("together-%d", round)
		body := map[string]any{"session_id": "same", "node_type": "entry", "label": key}
		var all sync.WaitGroup
		answers := make([]realmesh.Answer, 24)
		for i := range answers {
			all.Go(func() {
				answers[i], _ = clients[i%3].Ask(http.MethodPost, "/graph/nodes", body, "Idempotency-Key", key)
			})
		}
		all.Wait()
		first, ids := 0, map[uint64]bool{}
		for _, a := range answers {
			switch {
			case a.Status == http.StatusCreated:
				ids[write{a: a}.id()] = true
				if a.Header.Get("Idempotency-Replayed") != "true" {
					first++
				}
			case a.Status == http.StatusConflict && a.Code() == "IDEMPOTENCY_IN_FLIGHT" && a.Header.Get("Retry-After") != "":
			default:
				t.Errorf("%s, Retry-After %q", a, a.Header.Get("Retry-After"))
			}
		}
		if first != 1 || len(ids) != 1 {
			t.Errorf("24 at once under %s: %d are not replays, ids %v", key, first, ids)
		}
	}
	if there := count(t, "same", nodes); len(there) != 5 {
		t.Errorf("there: %v", there)
	}

	// The scope is the credential and the route.
	body := map[string]any{"session_id": "scope", "node_type": "entry", "label": "x"}
	one := clients[0].Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", body, "Idempotency-Key", "scope")
	two := nodes[1].Client(user).Want(http.StatusCreated, nil, http.MethodPost, "/graph/nodes", body, "Idempotency-Key", "scope")
	if two.Header.Get("Idempotency-Replayed") != "" || (write{a: one}.id() == write{a: two}.id()) {
		t.Errorf("another credential's write was answered %s", two)
	}
	ops := map[string]any{"session_id": "scope", "ops": []any{map[string]any{"op": "create_node", "type": "entry", "label": "y"}}}
	clients[1].Want(http.StatusOK, nil, http.MethodPost, "/graph/batch", ops, "Idempotency-Key", "scope")
	again := clients[2].Want(http.StatusOK, nil, http.MethodPost, "/graph/batch", ops, "Idempotency-Key", "scope")
	if again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same batch at another node: %s", again)
	}
	path := fmt.Sprintf("/graph/nodes/%d", write{a: one}.id())
	put := map[string]any{"label": "z"}
	clients[0].Want(http.StatusOK, nil, http.MethodPut, path, put, "Idempotency-Key", "put", "If-Match", `"1"`)
	if a := clients[1].Want(http.StatusOK, nil, http.MethodPut, path, put, "Idempotency-Key", "put", "If-Match", `"1"`); a.Header.Get("Idempotency-Replayed") != "true" || a.Header.Get("ETag") != `"2"` {
		t.Errorf("the same change again: %s, ETag %s", a, a.Header.Get("ETag"))
	}
	clients[2].Want(http.StatusNoContent, nil, http.MethodDelete, path, nil, "Idempotency-Key", "gone")
	clients[0].Want(http.StatusNoContent, nil, http.MethodDelete, path, nil, "Idempotency-Key", "gone")

	// A secret is shown once, whatever key it was asked for with.
	for route, body := range map[string]any{"/apikeys": map[string]any{"name": "n", "role": "viewer"}, "/tokens": map[string]any{"name": "n"}} {
		clients[0].Want(http.StatusCreated, nil, http.MethodPost, route, body, "Idempotency-Key", "secret")
		if a := clients[1].Want(http.StatusConflict, nil, http.MethodPost, route, body, "Idempotency-Key", "secret"); a.Code() != "SHOWN_ONCE" {
			t.Errorf("%s again: %s", route, a)
		}
	}
	for _, key := range []string{"with space", "naïve", string(make([]byte, 256))} {
		a, err := clients[0].Ask(http.MethodPost, "/graph/nodes", body, "Idempotency-Key", key)
		if err == nil && (a.Status != http.StatusBadRequest || a.Code() != "INVALID") {
			t.Errorf("key %q: %s", key, a)
		}
	}
}
