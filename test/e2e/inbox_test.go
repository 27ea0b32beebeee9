package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// Durable messages on a mesh of three: what is accepted is delivered, to agents
// that are there, that come later, and whose connections and nodes die.
func TestDurableMessages(t *testing.T) {
	t.Parallel()
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	_, other := nodes[0].APIKey("agent")
	for _, part := range []struct {
		name string
		run  func(t *testing.T, nodes []*realmesh.Node, key, other string)
	}{
		{"an agent on another node gets what is accepted", pushedElsewhere},
		{"an agent that was away gets its inbox once", onceOnReturn},
		{"a receiver killed before its acknowledgement gets it once more", killedBeforeAck},
		{"a poison message becomes a dead letter with its reason", poison},
		{"ids are each sender's own", idsOfSenders},
		{"a topic's subscribers acknowledge each for itself", durableTopic},
		{"an address with a node is for that instance", forOneInstance},
		{"each node's instance acknowledges its copy", forAllInstances},
		{"a conversation stays with one instance", conversations},
		{"what is pushed is not leased, at any node", pushedAndLeased},
		{"a large body holds up no small ones", largeBody},
		{"a partition loses nothing of a broadcast", partedBroadcast},
		{"what a killed node accepted is delivered", senderKilled},
		{"another node dispatches when the one that did is killed", dispatcherKilled},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, nodes, key, other) }) {
			return // what follows would fail for want of a whole mesh
		}
	}
}

func pushedElsewhere(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	a := inboxOf(t, nodes[2], key, "worker", ackIt)
	dispatches(t, sender, "worker", nodes[2])
	for i := range 20 {
		if got := durably(t, sender, "worker", i); got.Known == nil || !*got.Known {
			t.Fatalf("%+v", got)
		}
	}
	got := a.waits(20)
	if want := "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"; bodies(got) != want {
		t.Errorf("it heard %s", bodies(got))
	}
	if m := got[0]; !m.Durable || m.Seq == 0 || m.Attempt != 1 || m.To != "worker" || m.From.Principal == "" || m.From.Node == "" {
		t.Errorf("%+v", m)
	}
	empties(t, sender, "worker")
}

func onceOnReturn(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	if got := durably(t, sender, "sleeper", 0); got.Known == nil || *got.Known {
		t.Errorf("an agent that nobody has seen: %+v", got)
	}
	for i := 1; i < 30; i++ {
		durably(t, sender, "sleeper", i)
	}
	durably(t, sender, "sleeper", -1, "priority", "critical")
	a := inboxOf(t, nodes[1], key, "sleeper", ackIt)
	got := a.waits(31)
	if !strings.HasPrefix(bodies(got), "-1 0 1 2 3 ") {
		t.Errorf("it heard %s", bodies(got))
	}
	empties(t, sender, "sleeper")
	a.cut()

	// Back at another node: nothing of it comes again.
	a = inboxOf(t, nodes[2], key, "sleeper", ackIt)
	durably(t, sender, "sleeper", "new")
	if got := a.waits(1); bodies(got) != `"new"` {
		t.Errorf("it heard %s again", bodies(got))
	}
}

func killedBeforeAck(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	a := inboxOf(t, nodes[1], key, "frail", keepIt)
	durably(t, sender, "frail", "first")
	durably(t, sender, "frail", "second")
	a.waits(2)
	a.cut()
	a = inboxOf(t, nodes[1], key, "frail", ackIt)
	got := a.waits(2)
	if bodies(got) != `"first" "second"` || got[0].Attempt != 2 || got[1].Attempt != 2 {
		t.Errorf("it heard %+v", got)
	}
	empties(t, sender, "frail")
	durably(t, sender, "frail", "third")
	if got := a.waits(3); got[2].Attempt != 1 || string(got[2].Body) != `"third"` {
		t.Errorf("it heard %+v", got[2])
	}
}

func poison(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[2].Client(key)
	a := inboxOf(t, nodes[0], key, "taster", func(a *inboxAgent, m received) {
		if string(m.Body) == `"poison"` {
			a.say(map[string]any{"type": "return", "id": m.ID, "delay": "10ms", "reason": "it is bitter"})
			return
		}
		ackIt(a, m)
	})
	durably(t, sender, "taster", "poison", "max_attempts", 3)
	durably(t, sender, "taster", "bread")
	got := a.waits(4)
	last := got[len(got)-1]
	poisoned := 0
	for _, m := range got {
		if string(m.Body) == `"poison"` {
			if poisoned++; m.Attempt != poisoned {
				t.Errorf("attempt %d says %d", poisoned, m.Attempt)
			}
		}
	}
	if poisoned != 3 || len(got) != 4 {
		t.Errorf("it heard %s, %+v last", bodies(got), last)
	}
	var dead struct {
		Messages []struct {
			Payload       string
			Death, Reason string
			Attempts      int
		}
	}
	realmesh.Eventually(t, 10*time.Second, "the dead letter is there", func() error {
		sender.Want(http.StatusOK, &dead, http.MethodGet, "/messages/taster/dead", nil)
		if len(dead.Messages) != 1 {
			return fmt.Errorf("%+v", dead)
		}
		return nil
	})
	if d := dead.Messages[0]; d.Payload != "poison" || d.Death != "attempts" || d.Reason != "it is bitter" || d.Attempts != 3 {
		t.Errorf("%+v", d)
	}
	empties(t, sender, "taster")
}

func idsOfSenders(t *testing.T, nodes []*realmesh.Node, key, other string) {
	a := inboxOf(t, nodes[1], key, "counter", ackIt)
	one, two := nodes[0].Client(key), nodes[2].Client(other)
	first := durably(t, one, "counter", "mine", "id", "order-1")
	again := durably(t, nodes[1].Client(key), "counter", "mine", "id", "order-1")
	theirs := durably(t, two, "counter", "theirs", "id", "order-1")
	if first.Duplicate || !again.Duplicate || theirs.Duplicate || again.ID != "order-1" {
		t.Errorf("%+v, %+v, %+v", first, again, theirs)
	}
	var refused struct{ Code, Error string }
	nodes[2].Client(key).Want(http.StatusConflict, &refused, http.MethodPost, "/messages",
		map[string]any{"to": "counter", "body": "another", "durable": true, "id": "order-1"})
	if refused.Code != "MESSAGE_ID_REUSED" || !strings.Contains(refused.Error, "its body differs") {
		t.Errorf("%+v", refused)
	}
	durably(t, one, "counter", "end")
	durably(t, two, "counter", "end")
	got := a.waits(4)
	count := map[string]int{}
	for _, m := range got {
		count[string(m.Body)]++
	}
	if count[`"mine"`] != 1 || count[`"theirs"`] != 1 || count[`"end"`] != 2 {
		t.Errorf("it heard %s", bodies(got))
	}
}

func durableTopic(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	admin := nodes[0].Client(nodes[0].AdminKey())
	first := inboxOf(t, nodes[1], key, "reader-1", ackIt)
	second := inboxOf(t, nodes[2], key, "reader-2", keepIt)
	for _, name := range []string{"reader-1", "reader-2", "reader-3"} {
		admin.Want(http.StatusOK, nil, http.MethodPut, "/agents/"+name+"/subscriptions", map[string]any{"topics": []string{"news/*"}})
	}
	got := durably(t, nodes[0].Client(key), "topic/news/local", "rain")
	if len(got.Recipients) != 3 {
		t.Errorf("%+v", got)
	}
	for _, a := range []*inboxAgent{first, second} {
		if m := a.waits(1)[0]; m.To != "topic/news/local" || string(m.Body) != `"rain"` || !m.Durable {
			t.Errorf("%s heard %+v", a.name, m)
		}
	}
	empties(t, admin, "reader-1")
	for _, name := range []string{"reader-2", "reader-3"} {
		if s, err := stateOf(admin, name); err != nil || s.Messages != 1 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	// The third one comes, a while later, and has it.
	third := inboxOf(t, nodes[0], key, "reader-3", ackIt)
	if m := third.waits(1)[0]; string(m.Body) != `"rain"` {
		t.Errorf("%+v", m)
	}
	ackIt(second, second.heard()[0])
	empties(t, admin, "reader-2")
	empties(t, admin, "reader-3")
}

func forOneInstance(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	one := inboxOf(t, nodes[1], key, "pair", ackIt)
	dispatches(t, sender, "pair", nodes[1])
	durably(t, sender, "pair@"+nodes[2].Name, "to the third")
	for i := range 5 {
		durably(t, sender, "pair", i)
	}
	if got := bodies(one.waits(5)); got != "0 1 2 3 4" {
		t.Errorf("the instance at %s heard %s", nodes[1].Name, got)
	}
	two := inboxOf(t, nodes[2], key, "pair", ackIt)
	// The same by WebSocket, from the agent itself.
	one.say(map[string]any{"type": "send", "id": "s", "to": "pair@" + nodes[2].Name, "durable": true, "body": "by socket"})
	if got := two.waits(2); string(got[0].Body) != `"to the third"` || string(got[1].Body) != `"by socket"` || got[1].From.Agent != "pair" {
		t.Errorf("the instance at %s heard %+v", nodes[2].Name, got)
	}
	empties(t, sender, "pair")
}

// agent@* by HTTP, WebSocket and the command line.
func forAllInstances(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	a, err := sender.Ask(http.MethodPost, "/messages", map[string]any{"to": "choir@*", "body": 1, "durable": true})
	if err != nil || a.Code() != "AGENT_GONE" {
		t.Errorf("to nobody: %s, %v", a, err)
	}
	quick := inboxOf(t, nodes[1], key, "choir", ackIt)
	slow := inboxOf(t, nodes[2], key, "choir", keepIt)
	second := inboxOf(t, nodes[1], key, "choir", ackIt) // shares its node's copies
	spread(t, nodes[1].Client(key), "choir", 2)         // where one of them sends
	got := spread(t, sender, "choir", 2)
	want := []string{"choir@" + nodes[1].Name, "choir@" + nodes[2].Name}
	slices.Sort(got.Recipients)
	slices.Sort(want)
	if !slices.Equal(got.Recipients, want) {
		t.Errorf("it is for %v, not %v", got.Recipients, want)
	}
	durably(t, sender, "choir@*", "http", "id", "once")
	if again := durably(t, sender, "choir@*", "http", "id", "once"); !again.Duplicate {
		t.Errorf("%+v", again)
	}
	quick.say(map[string]any{"type": "send", "id": "s", "to": "choir@*", "durable": true, "body": "socket"})
	if out := nodes[0].Must("send", "choir@*", "command", "--durable"); !strings.Contains(out, "accepted for 2") {
		t.Errorf("send says %q", out)
	}
	heard := func(agents ...*inboxAgent) map[string]int {
		all := map[string]int{}
		for _, a := range agents {
			for _, m := range a.heard() {
				all[string(m.Body)]++
			}
		}
		return all
	}
	for _, side := range [][]*inboxAgent{{quick, second}, {slow}} {
		realmesh.Eventually(t, 20*time.Second, "a node's instances hear them all", func() error {
			got := heard(side...)
			if got[`"http"`] != 1 || got[`"socket"`] != 1 || got[`"command"`] != 1 {
				return fmt.Errorf("%v", got)
			}
			return nil
		})
	}
	// What one node's has acknowledged is left to the other's.
	realmesh.Eventually(t, 10*time.Second, "the slow one's are left", func() error {
		s, err := stateOf(sender, "choir")
		if err == nil && s.Messages != len(slow.heard()) {
			err = fmt.Errorf("%+v, it heard %d", s, len(slow.heard()))
		}
		return err
	})
	for _, m := range slow.heard() {
		ackIt(slow, m)
	}
	empties(t, sender, "choir")
}

// spread sends to agent@* until a node knows that the agent is at n nodes, and
// returns its answer.
func spread(t *testing.T, sender *realmesh.Client, agent string, n int) (got accepted) {
	t.Helper()
	realmesh.Eventually(t, 10*time.Second, fmt.Sprintf("%s is known to be at %d nodes", agent, n), func() error {
		a, err := sender.Ask(http.MethodPost, "/messages", map[string]any{"to": agent + "@*", "body": "probe", "durable": true})
		if err != nil {
			return err
		}
		if err := json.Unmarshal(a.Body, &got); err != nil || len(got.Recipients) != n {
			return fmt.Errorf("%s", a)
		}
		return nil
	})
	return got
}

// Durable messages of a conversation with sticky go to one of several instances,
// on whatever node each is accepted, and to another when that one goes.
func conversations(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	var all []*inboxAgent
	for _, n := range nodes {
		for range 2 {
			all = append(all, inboxOf(t, n, key, "desk", ackIt))
		}
	}
	sender := nodes[0].Client(key)
	spread(t, sender, "desk", len(nodes))
	const talks = 12
	// say has each conversation say something, and returns who heard what; the
	// error is of one that was at two instances.
	say := func(word string, among []*inboxAgent) (at map[string]*inboxAgent, two error) {
		for i := range talks {
			for j, n := range nodes {
				durably(t, n.Client(key), "desk", fmt.Sprintf("%s %d %d", word, i, j), "conversation", fmt.Sprint("talk-", i), "sticky", true)
			}
		}
		realmesh.Eventually(t, 20*time.Second, "all is heard: "+word, func() error {
			at, two = map[string]*inboxAgent{}, nil
			heard := 0
			for _, a := range among {
				for _, m := range a.heard() {
					var said string
					if json.Unmarshal(m.Body, &said) != nil || !strings.HasPrefix(said, word+" ") {
						continue
					}
					heard++
					talk := strings.Fields(said)[1]
					if was := at[talk]; was != nil && was != a {
						two = fmt.Errorf("conversation %s was at two instances", talk)
					}
					at[talk] = a
				}
			}
			if heard < talks*len(nodes) {
				return fmt.Errorf("%d", heard)
			}
			return nil
		})
		return at, two
	}
	// Conversations move while news of further instances comes, and stay then.
	var first map[string]*inboxAgent
	round, same := 0, 0
	realmesh.Eventually(t, 20*time.Second, "each conversation stays with an instance", func() error {
		round++
		now, err := say(fmt.Sprint("round-", round), all)
		if err == nil && maps.Equal(now, first) {
			same++
		} else {
			first, same = now, 0
		}
		if same < 2 {
			return fmt.Errorf("in round %d they were elsewhere than before, %w", round, err)
		}
		return nil
	})
	used := map[*inboxAgent]bool{}
	for _, a := range first {
		used[a] = true
	}
	if len(used) < 2 {
		t.Error("all conversations are at one instance")
	}
	gone := first["0"]
	gone.cut()
	left := slices.DeleteFunc(slices.Clone(all), func(a *inboxAgent) bool { return a == gone })
	realmesh.Eventually(t, 10*time.Second, "its node has one instance less", func() error {
		var list struct {
			Agents []struct {
				Name  string
				Hosts []struct{ Instances int }
			}
		}
		for _, n := range nodes {
			n.Client(key).Want(http.StatusOK, &list, http.MethodGet, "/agents", nil)
			for _, a := range list.Agents {
				sum := 0
				for _, h := range a.Hosts {
					sum += h.Instances
				}
				if a.Name == "desk" && sum != len(left) {
					return fmt.Errorf("%s sees %d", n.Name, sum)
				}
			}
		}
		return nil
	})
	if at, _ := say("elsewhere", left); at["0"] == nil {
		t.Error("the conversation of the instance that went is nowhere")
	}
	empties(t, sender, "desk")
}

// An agent has as much by push as it may, and acknowledges none, while others
// lease its inbox at all nodes: nobody is given what somebody has.
func pushedAndLeased(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	sender := nodes[0].Client(key)
	a := inboxOf(t, nodes[1], key, "both", keepIt)
	dispatches(t, sender, "both", nodes[1])
	const sent = 320
	for i := range sent {
		durably(t, sender, "both", i)
	}
	given := map[uint64]int{}
	var mu sync.Mutex
	var pollers sync.WaitGroup
	for _, n := range nodes {
		pollers.Go(func() {
			c := n.Client(key)
			for range 5 {
				var got struct{ Messages []struct{ Seq uint64 } }
				c.Want(http.StatusOK, &got, http.MethodGet, "/messages/both?lease=1m&limit=10", nil)
				mu.Lock()
				for _, m := range got.Messages {
					given[m.Seq]++
				}
				mu.Unlock()
			}
		})
	}
	pollers.Wait()
	leased := len(given)
	if leased == 0 {
		t.Error("nothing was leased")
	}
	// What was not leased is pushed as what was pushed is acknowledged.
	acknowledged := 0
	realmesh.Eventually(t, 20*time.Second, "the rest is pushed", func() error {
		for _, m := range a.heard()[acknowledged:] {
			ackIt(a, m)
			given[m.Seq]++
			acknowledged++
		}
		if len(given) < sent {
			return fmt.Errorf("%d of %d were given to somebody", len(given), sent)
		}
		return nil
	})
	for seq, times := range given {
		if times > 1 {
			t.Errorf("%d was given to somebody %d times", seq, times)
		}
	}
	t.Logf("%d were leased, %d pushed", leased, acknowledged)
	sender.Want(http.StatusOK, nil, http.MethodDelete, "/messages/both", nil)
	empties(t, sender, "both")
}

func largeBody(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	size := 4 << 20
	if os.Getenv("MESHD_TEST_LONG") != "" {
		size = 16<<20 - 2
	}
	big, small := nodes[0].Client(key), nodes[1].Client(key)
	a := inboxOf(t, nodes[2], key, "store", ackIt)
	body := strings.Repeat("x", size)
	sent := make(chan error, 1)
	go func() {
		got, err := big.Ask(http.MethodPost, "/messages", map[string]any{"to": "store", "body": body, "durable": true})
		if err == nil && got.Status != http.StatusOK {
			err = fmt.Errorf("%s", got)
		}
		sent <- err
	}()
	during, worst := 0, time.Duration(0)
	for done := false; !done; {
		began := time.Now()
		durably(t, small, "store", during)
		worst = max(worst, time.Since(began))
		during++
		select {
		case err := <-sent:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
	}
	t.Logf("%d small messages were accepted while %d MiB were, the slowest in %s", during, size>>20, worst)
	got := a.waits(during + 1)
	for _, m := range got {
		if m.Size == 0 {
			continue
		}
		if m.Size != int64(size)+2 || m.Body != nil {
			t.Errorf("%+v", m)
		}
		return
	}
	t.Error("the large one did not come")
}

func partedBroadcast(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	admin := nodes[0].Client(nodes[0].AdminKey())
	leader := leaderOf(t, nodes...)
	cut := others(nodes, leader)[0]
	var agents []*inboxAgent
	for i, n := range nodes {
		name := fmt.Sprint("island-", i)
		agents = append(agents, inboxOf(t, n, key, name, ackIt))
		admin.Want(http.StatusOK, nil, http.MethodPut, "/agents/"+name+"/subscriptions", map[string]any{"topics": []string{"isles/>"}})
	}
	sender := leader.Client(key)
	const sent = 30
	for i := range sent {
		if i == sent/3 {
			cut.Pause()
		}
		if got := durably(t, sender, "topic/isles/all", i); len(got.Recipients) != 3 {
			t.Errorf("%+v", got)
		}
	}
	cut.Resume()
	for _, a := range agents {
		seen := map[string]int{}
		realmesh.Eventually(t, 30*time.Second, a.name+" hears everything", func() error {
			clear(seen)
			for _, m := range a.heard() {
				seen[string(m.Body)]++
			}
			if len(seen) < sent {
				return fmt.Errorf("%d of %d", len(seen), sent)
			}
			return nil
		})
	}
	for _, a := range agents {
		empties(t, sender, a.name)
	}
	realmesh.Alive(t, 20*time.Second, nodes...)
}

func senderKilled(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	leader := leaderOf(t, nodes...)
	followers := others(nodes, leader)
	entry, home := followers[0], followers[1]
	sender := entry.Client(key)
	for i := range 10 {
		durably(t, sender, "heir", i)
	}
	entry.Kill()
	a := inboxOf(t, home, key, "heir", ackIt)
	if got := a.waits(10); bodies(got[:10]) != "0 1 2 3 4 5 6 7 8 9" {
		t.Errorf("it heard %s", bodies(got))
	}
	entry.Start("serve")
	entry.WaitServing()
	realmesh.Alive(t, 20*time.Second, nodes...)
}

func dispatcherKilled(t *testing.T, nodes []*realmesh.Node, key, _ string) {
	leader := leaderOf(t, nodes...)
	followers := others(nodes, leader)
	sender := leader.Client(key)
	one := inboxOf(t, followers[0], key, "twins", keepIt)
	dispatches(t, sender, "twins", followers[0])
	two := inboxOf(t, followers[1], key, "twins", ackIt)
	// Both get some; the first acknowledges none of its own.
	realmesh.Eventually(t, 20*time.Second, "both instances hear something", func() error {
		durably(t, sender, "twins", len(one.heard()))
		if len(one.heard()) == 0 || len(two.heard()) == 0 {
			return fmt.Errorf("%d and %d", len(one.heard()), len(two.heard()))
		}
		return nil
	})
	followers[0].Kill()
	durably(t, sender, "twins", "after")
	dispatches(t, sender, "twins", followers[1])
	empties(t, sender, "twins")
	seen := map[string]bool{}
	for _, m := range two.heard() {
		seen[m.MessageID] = true
	}
	for _, m := range one.heard() {
		if !seen[m.MessageID] {
			t.Errorf("message %d was lost with its receiver", m.Seq)
		}
	}
	followers[0].Start("serve")
	followers[0].WaitServing()
	realmesh.Alive(t, 20*time.Second, nodes...)
}

// An inbox at its limit refuses, says how full it is, and takes messages again
// when it has room; others are not touched by it.
func TestAFullInboxRefuses(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("fills an inbox of 256 MiB: set MESHD_TEST_LONG=1")
	}
	nodes := formed(t)
	_, key := nodes[0].APIKey("agent")
	c := nodes[0].Client(key)
	body := strings.Repeat("x", 15<<20)
	var full realmesh.Answer
	for i := range 30 {
		a, err := c.Ask(http.MethodPost, "/messages", map[string]any{"to": "hoarder", "body": body, "durable": true})
		if err != nil {
			t.Fatal(err)
		}
		if a.Status != http.StatusOK {
			full = a
			t.Logf("full after %d messages of 15 MiB: %s", i, a)
			break
		}
	}
	var no struct{ Details map[string]any }
	if err := json.Unmarshal(full.Body, &no); err != nil || full.Code() != "INBOX_FULL" || full.Status != http.StatusTooManyRequests ||
		no.Details["inbox"] != "hoarder" || no.Details["limit_bytes"] == nil {
		t.Fatalf("%s", full)
	}
	durably(t, c, "modest", 1)
	a := inboxOf(t, nodes[1], key, "hoarder", ackIt)
	a.waits(1)
	empties(t, c, "hoarder")
	durably(t, c, "hoarder", "again")
}
