package program

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
	"github.com/meshd/meshd/node/message"
)

// TestMain is also the program that the tests run.
func TestMain(m *testing.M) {
	switch what := os.Getenv("TEST_CHILD"); what {
	case "":
	case "1":
		testChild()
		return
	default:
		roles[what]()
		return
	}
	goleak.VerifyTestMain(m)
}

// testChild does what the bodies of its messages say.
func testChild() {
	say := func(v any) {
		line, _ := json.Marshal(v)
		fmt.Printf("%s\n", line)
	}
	say(map[string]any{"type": "hello", "description": "does as it is told", "capabilities": []string{"obey"}})
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 4<<20)
	held := []string{}
	for in.Scan() {
		var l struct {
			Type, ID, Status string
			Wait, Durable    bool
			Body             json.RawMessage
			InReplyTo        string `json:"in_reply_to"`
			Code, Error      string
			Node             string
		}
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			fmt.Fprintln(os.Stderr, "unreadable:", err)
			continue
		}
		if l.Type != "message" {
			fmt.Fprintf(os.Stderr, "%s %s %s %s\n", l.Type, l.InReplyTo, l.Code, l.Body)
			continue
		}
		var word string
		_ = json.Unmarshal(l.Body, &word)
		switch word {
		case "die":
			os.Exit(7)
		case "daemon": // leaves one behind
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "TEST_CHILD=middle")
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": fmt.Sprint("it is there", cmd.Run())})
		case "ack":
			say(map[string]any{"type": "ack", "id": l.ID})
		case "error":
			say(map[string]any{"type": "error", "in_reply_to": l.ID, "code": "OUT_OF_PAPER", "error": "there is no paper"})
		case "hold": // answered when the next comes
			held = append(held, l.ID)
		case "keep": // never
		case "stubborn":
			signal.Ignore(syscall.SIGTERM)
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": "I stay"})
			for {
				time.Sleep(time.Hour)
			}
		case "garbage":
			fmt.Println("starting up…\n{\"type\":\"reply\"}\n{\"type\":\"replay\",\"id\":\"1\"}\n[]")
			fmt.Println(`{"type":"reply","in_reply_to":"none","body":1}`) // well-formed: not garbage
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": "sorry"})
		case "noise":
			fmt.Println("1\n2\n3\n4\n" + strings.Repeat("5", maxLine+10))
		case "environment":
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": os.Environ()})
		case "burst", "last words": // in one go
			for i := range 60 {
				say(map[string]any{"type": "message", "id": fmt.Sprint(i), "to": "other", "body": i})
			}
			if word == "last words" {
				os.Exit(0)
			}
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": "said"})
		case "only talk": // and never listen again
			for i := range 5000 {
				say(map[string]any{"type": "message", "id": fmt.Sprint(i), "to": "nobody", "body": strings.Repeat("x", 100)})
			}
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": "said"})
			for {
				time.Sleep(time.Hour)
			}
		case "send":
			say(map[string]any{"type": "message", "id": "m1", "to": "other", "body": 1, "wait": true})
			say(map[string]any{"type": "message", "id": "m2", "to": "nobody", "body": 1})
			say(map[string]any{"type": "log", "level": "warn", "text": "sent two"})
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": l.Wait})
		default:
			say(map[string]any{"type": "reply", "in_reply_to": l.ID, "body": l.Body})
			for _, id := range held {
				say(map[string]any{"type": "reply", "in_reply_to": id, "body": "held"})
			}
			held = nil
		}
	}
}

// mesh is a real router and real sessions, and the program running on it.
type mesh struct {
	t      *testing.T
	node   *agenttest.Node
	client *client.Client
	stop   context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	events []Event
	more   chan struct{}
}

func run(t *testing.T, change func(*Config)) *mesh {
	t.Helper()
	n := agenttest.New(t, "n1")
	m := &mesh{t: t, node: n, client: agenttest.Client(t, n), ended: make(chan error, 1), more: make(chan struct{})}
	cfg := Config{
		Client: m.client, Agent: client.AgentConfig{Name: "child"}, Command: []string{os.Args[0]},
		Env: append(os.Environ(), "TEST_CHILD=1"), Instances: 1, Concurrency: 1, Grace: 10 * time.Second, Pause: time.Millisecond,
		Report: m.report,
	}
	if change != nil {
		change(&cfg)
	}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	go func() { m.ended <- Run(ctx, cfg) }()
	t.Cleanup(m.stop)
	return m
}

func (m *mesh) report(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	close(m.more)
	m.more = make(chan struct{})
}

// saw waits until an event was reported.
func (m *mesh) saw(what string, ok func(Event) bool) Event {
	m.t.Helper()
	deadline := time.After(time.Minute)
	for {
		m.mu.Lock()
		i, more := slices.IndexFunc(m.events, ok), m.more
		events := m.events
		m.mu.Unlock()
		if i >= 0 {
			return events[i]
		}
		select {
		case <-more:
		case <-deadline:
			m.t.Fatalf("%s was not reported: %+v", what, events)
		}
	}
}

func (m *mesh) logged(text string) {
	m.t.Helper()
	m.saw(text, func(e Event) bool { return e.Event == "log" && strings.Contains(e.Text, text) })
}

// attached waits until so many instances are there.
func (m *mesh) attached(n int) {
	m.t.Helper()
	m.node.Until(m.t, "attached", func(l []message.Local) bool {
		return len(l) == 1 && l[0].Instances == n && l[0].Description != ""
	})
}

// ask asks the agent; the answer is its text, or the error's code.
func (m *mesh) ask(body string) string {
	raw, _ := json.Marshal(body)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := m.node.Router.Send(ctx, message.Message{To: "child", Body: raw, From: message.Sender{Principal: "t"}}, true)
	if err != nil {
		return err.Error()
	}
	return string(r.Reply)
}

func (m *mesh) end(want error) {
	m.t.Helper()
	m.stop()
	select {
	case err := <-m.ended:
		if !errors.Is(err, want) {
			m.t.Fatalf("it ended with %v, want %v", err, want)
		}
	case <-time.After(time.Minute):
		m.t.Fatal("it did not end")
	}
}

func TestAnswers(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	for body, want := range map[string]string{
		"hi":    `"hi"`,
		"error": "there is no paper",
		"ack":   "the agent gave no answer",
	} {
		if got := m.ask(body); got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
	m.end(nil)
	m.saw("the end", func(e Event) bool { return e.Event == "ended" && e.Code != nil && *e.Code == 0 && e.RestartIn == "" })
	m.logged("stop")
}

// Several at a time may be answered in any order; one at a time waits.
func TestConcurrency(t *testing.T) {
	m := run(t, func(c *Config) { c.Concurrency = 2 })
	m.attached(1)
	held := make(chan string, 1)
	go func() { held <- m.ask("hold") }()
	for done := false; !done; {
		if got := m.ask("other"); got != `"other"` {
			t.Fatal(got)
		}
		select {
		case got := <-held:
			if got != `"held"` {
				t.Fatal(got)
			}
			done = true
		default:
		}
	}
	m.end(nil)
}

func TestInstances(t *testing.T) {
	m := run(t, func(c *Config) { c.Instances = 3 })
	m.attached(3)
	m.end(nil)
	m.node.Until(t, "all gone", func(l []message.Local) bool { return len(l) == 0 })
}

// A child that dies is started again, and its request fails.
func TestCrash(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	if got := m.ask("die"); !strings.Contains(got, "ended before it answered") {
		t.Fatal(got)
	}
	m.saw("a restart", func(e Event) bool { return e.Event == "ended" && *e.Code == 7 && e.RestartIn == "1ms" })
	m.mu.Lock()
	m.events = nil
	m.mu.Unlock()
	m.attached(1)
	if got := m.ask("hi"); got != `"hi"` {
		t.Fatal(got)
	}
	m.end(nil)
}

// A few bad lines are told; five in a row end the child.
func TestGarbage(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	if got := m.ask("garbage"); got != `"sorry"` {
		t.Fatal(got)
	}
	m.logged("error none NOT_WAITING")
	m.logged("error  INVALID")
	if got := m.ask("noise"); !strings.Contains(got, "ended before it answered") {
		t.Fatal(got)
	}
	m.logged("5 bad lines in a row")
	m.attached(1)
	m.end(nil)
}

// What does not end in time is killed, with all that it started.
func TestKilled(t *testing.T) {
	m := run(t, func(c *Config) { c.Grace, c.term = 0, time.Millisecond })
	m.attached(1)
	if got := m.ask("stubborn"); got != `"I stay"` {
		t.Fatal(got)
	}
	m.end(ErrKilled)
	if e := m.saw("the end", func(e Event) bool { return e.Event == "ended" }); e.Signal != "killed" {
		t.Fatalf("%+v", e)
	}
}

// A request that is not done when the grace is over fails as one.
func TestStopWhileBusy(t *testing.T) {
	m := run(t, func(c *Config) { c.Grace = 50 * time.Millisecond })
	m.attached(1)
	answer := make(chan string, 1)
	go func() { answer <- m.ask("keep") }()
	m.node.Until(t, "busy", func(l []message.Local) bool { return len(l) == 1 && l[0].Busy == 1 })
	m.end(nil)
	if got := <-answer; !strings.Contains(got, "was not done in time") {
		t.Fatal(got)
	}
}

func TestHung(t *testing.T) {
	m := run(t, func(c *Config) { c.MaxTime = 50 * time.Millisecond })
	m.attached(1)
	if got := m.ask("keep"); !strings.Contains(got, "ended before it answered") {
		t.Fatal(got)
	}
	m.logged("it is restarted")
	m.end(nil)
}

// A child sends messages of its own.
func TestOwnMessages(t *testing.T) {
	m := run(t, nil)
	m.attached(1)
	ctx := context.Background()
	other, err := m.client.Attach(ctx, client.AgentConfig{Name: "other", Handler: func(_ context.Context, m *client.Message) error { return m.Reply("from " + m.From.Agent) }})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if got := m.ask("send"); got != "true" {
		t.Fatal(got)
	}
	m.logged(`reply m1  "from child"`)
	m.logged("error m2 UNKNOWN_ADDRESS")
	m.saw("a log line", func(e Event) bool { return e.Level == "warn" && e.Source == "log" && e.Text == "sent two" })
	m.end(nil)
}

func TestCannotStart(t *testing.T) {
	m := run(t, func(c *Config) { c.Command = []string{"/nowhere/at/all"} })
	var start *StartError
	if err := <-m.ended; !errors.As(err, &start) {
		t.Fatal(err)
	}
}

// A shell that does not find the program says so by its code. At the first try
// that is wrong usage; later the program is away for a moment, and is waited for.
func TestAShellThatFindsNoProgram(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no sh on this machine")
	}
	m := run(t, func(c *Config) { c.Command = []string{sh, "-c", "/nowhere/at/all"} })
	var start *StartError
	if err := <-m.ended; !errors.As(err, &start) || !strings.Contains(err.Error(), "code 127") {
		t.Fatal(err)
	}

	away := filepath.Join(t.TempDir(), "away")
	m = run(t, func(c *Config) {
		c.Command = []string{sh, "-c", `[ -e "$1" ] && exit 127; : > "$1"; exec "$0"`, os.Args[0], away}
	})
	m.attached(1)
	_ = m.ask("die")
	m.saw("a restart", func(e Event) bool { return e.Event == "ended" && *e.Code == 127 && e.RestartIn != "" })
	if err := os.Remove(away); err != nil {
		t.Fatal(err)
	}
	m.attached(1)
	if got := m.ask("hi"); got != `"hi"` {
		t.Fatal(got)
	}
	m.end(nil)
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{`{"type":"reply","in_reply_to":"1","body":5}`, "{\"type\":\"log\"}\n{}", `{"type":"return","id":"1","delay":"-1s"}`, "\xff", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(data), 16)
		for {
			line, err := readLine(r, 64)
			if err != nil && !errors.Is(err, errLong) {
				return
			}
			if len(line) > 64 {
				t.Fatalf("a line of %d bytes", len(line))
			}
			if s, err := readSaid(line); err == nil && s.Type == "" {
				t.Fatal("a line without a type was taken")
			}
		}
	})
}
