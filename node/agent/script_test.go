package agent

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/event"
	"github.com/meshd/meshd/node/message"
)

// The scripts in testdata/sessions are conversations of clients with a node,
// one step a line:
//
//	connect C PATH       a client named C connects; PATH may have ?resume=1
//	> C FRAME            it sends a frame
//	< C FRAME            it receives one that has at least these members
//	array C N            the next message is an array of N frames; < takes them
//	quiet C              nothing more has come to it
//	cut C                its connection breaks
//	closed C CODE        the node closes it
//	forward M AGENT JSON a message of the inbox of AGENT, with these fields of
//	                     message.Stored and body, is handed to a session
//	ended M STATUS CODE  what the dispatcher hears of it; - is no code
//	local AGENT N        the node lists so many instances of the agent
//	event TYPE JSON      something happened
//	pass N               N seconds pass
//
// A text "$x" in an expected frame names what is there, and stands for it from
// then on; "*" is anything.
func TestSessions(t *testing.T) {
	files, err := filepath.Glob("testdata/sessions/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newScript(t)
			for i, line := range strings.Split(string(text), "\n") {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				if err := s.step(line); err != nil {
					t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
				}
			}
		})
	}
}

type script struct {
	t     *testing.T
	n     *node
	hub   *event.Hub
	dial  func(path string) *websocket.Conn
	conns map[string]*websocket.Conn
	had   map[*websocket.Conn][]any // frames of arrays that < has not taken
	vars  map[string]any
	ends  map[string]chan end2
}

type end2 struct {
	status message.Status
	err    error
}

func newScript(t *testing.T) *script {
	s := &script{t: t, hub: event.NewHub(nil), conns: map[string]*websocket.Conn{}, had: map[*websocket.Conn][]any{}, vars: map[string]any{}, ends: map[string]chan end2{}}
	s.n, s.dial = tlsNode(t, func(c *Config) {
		c.Events, c.Durable = s.hub, &shelf{}
		c.Claim = func(who Client, settled func(error)) error {
			switch who.Name {
			case "owned":
				return consensus.Refuse(CodeNotYourAgent, "it belongs to another")
			case "contested": // decided once the client is let in
				go func() {
					waitFor(t, func() bool { return len(s.n.router.Local()) > 0 })
					settled(consensus.Refuse(CodeNotYourAgent, "another was quicker"))
				}()
			default:
				settled(nil)
			}
			return nil
		}
		c.Seal = func(_ context.Context, address string, body json.RawMessage, want string) (json.RawMessage, string, error) {
			if want != "" && want != "sha256:1" {
				return nil, "", consensus.Refuse("KEY_CHANGED", "it has another key")
			}
			return json.RawMessage(`{"age":"` + base64.StdEncoding.EncodeToString([]byte("age-encryption.org/v1\n"+address+string(body))) + `"}`), "sha256:1", nil
		}
	})
	s.n.server.claimWait = time.Millisecond
	return s
}

// shelf takes durable messages and says what it was asked.
type shelf struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (s *shelf) Submit(_ context.Context, m Outgoing, done func(Accepted, error)) {
	s.mu.Lock()
	if s.ids == nil {
		s.ids = map[string]bool{}
	}
	had := s.ids[m.ID]
	s.ids[m.ID] = true
	s.mu.Unlock()
	switch m.To {
	case "full":
		done(Accepted{}, consensus.Refuse("INBOX_FULL", "no room"))
	case "lost":
		done(Accepted{}, consensus.Refuse("OUTCOME_UNKNOWN", "who knows"))
	case "everybody@*":
		done(Accepted{ID: m.ID, Known: true, Recipients: []string{"a", "b"}}, nil)
	default:
		want := fmt.Sprintf("%s %s %s %s", m.From.Agent, m.Priority, m.TTL, m.Delay)
		go done(Accepted{ID: m.ID, Known: m.To != "stranger", Duplicate: had, Recipients: []string{want}}, nil)
	}
}

func (*shelf) Subscribe(_ context.Context, agent, pattern string) error {
	if pattern == "no" {
		return consensus.Refuse("LEVEL_TOO_LOW", agent)
	}
	return nil
}

func (*shelf) Unsubscribe(context.Context, string, string) error { return nil }

func (s *script) step(line string) error {
	verb, rest, _ := strings.Cut(line, " ")
	who, rest, _ := strings.Cut(rest, " ")
	conn := s.conns[who]
	switch verb {
	case "connect":
		if rest == "-" {
			rest = ""
		}
		s.conns[who] = s.dial(rest)
		return s.conns[who].SetReadDeadline(time.Now().Add(time.Minute))
	case ">":
		return conn.WriteMessage(websocket.TextMessage, []byte(s.filled(rest)))
	case "<":
		return s.receive(conn, rest)
	case "array":
		_, data, err := conn.ReadMessage()
		if err != nil {
			return err
		}
		var frames []any
		if err := json.Unmarshal(data, &frames); err != nil || strconv.Itoa(len(frames)) != rest {
			return fmt.Errorf("%d frames: %w: %s", len(frames), err, data)
		}
		s.had[conn] = frames
		return nil
	case "quiet":
		if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping","id":"quiet"}`)); err != nil {
			return err
		}
		return s.receive(conn, `{"type":"pong","id":"quiet"}`)
	case "cut":
		return conn.NetConn().Close()
	case "closed":
		code := peer{conn, s.t}.closedWith()
		if strconv.Itoa(code) != rest {
			return fmt.Errorf("it is closed with %d", code)
		}
		return nil
	case "forward":
		return s.forward(who, rest)
	case "ended":
		e := <-s.ends[who]
		got := string(e.status) + " " + code(e.err)
		if strings.TrimSpace(got) != strings.TrimSuffix(rest, " -") {
			return fmt.Errorf("%s: %w", got, e.err)
		}
		return nil
	case "local":
		waitFor(s.t, func() bool {
			n := 0
			for _, l := range s.n.router.Local() {
				if l.Name == who {
					n = l.Instances
				}
			}
			return strconv.Itoa(n) == rest
		})
		return nil
	case "event":
		s.hub.Publish(who, json.RawMessage(rest))
		return nil
	case "pass":
		seconds, err := strconv.Atoi(who)
		now := s.n.server.clock.Add(int64(seconds))
		for _, c := range s.n.server.sessions() {
			c.tick(now)
		}
		return err
	}
	return errors.New("no such step")
}

func (s *script) forward(id, rest string) error {
	agent, text, _ := strings.Cut(rest, " ")
	var f struct {
		message.Stored
		Body json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return err
	}
	ch := make(chan end2, 1)
	s.ends[id] = ch
	s.n.router.Forward(context.Background(), message.Message{
		ID: id, To: agent, Body: f.Body, From: message.Sender{Agent: "shop", Principal: "k7", Node: "n9"}, Stored: &f.Stored,
		Deadline: time.Now().Add(time.Minute),
	}, func(r message.Receipt, err error) { ch <- end2{r.Status, err} })
	return nil
}

func (s *script) filled(text string) string {
	for name, value := range s.vars {
		plain := fmt.Sprint(value)
		text = strings.ReplaceAll(text, "$"+name, plain)
	}
	return text
}

func (s *script) receive(conn *websocket.Conn, want string) error {
	var got, expected any
	if frames := s.had[conn]; len(frames) > 0 {
		got, s.had[conn] = frames[0], frames[1:]
	} else if err := conn.ReadJSON(&got); err != nil {
		return err
	} else if frames, ok := got.([]any); ok && len(frames) > 0 {
		got, s.had[conn] = frames[0], frames[1:]
	}
	if err := json.Unmarshal([]byte(want), &expected); err != nil {
		return err
	}
	if err := s.match("", expected, got); err != nil {
		return fmt.Errorf("%w in %v", err, got)
	}
	return nil
}

func (s *script) match(at string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v", at, got)
		}
		for k, v := range w {
			if v == "-" {
				if _, ok := g[k]; ok {
					return fmt.Errorf("%s.%s is there", at, k)
				}
				continue
			}
			if err := s.match(at+"."+k, v, g[k]); err != nil {
				return err
			}
		}
		return nil
	case string:
		if w == "*" && got != nil {
			return nil
		}
		if name, ok := strings.CutPrefix(w, "$"); ok && got != nil {
			if had, ok := s.vars[name]; !ok {
				s.vars[name] = got
				return nil
			} else if had == got {
				return nil
			}
		}
	}
	if fmt.Sprint(want) != fmt.Sprint(got) {
		return fmt.Errorf("%s is %v", at, got)
	}
	return nil
}
