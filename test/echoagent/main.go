// Command echoagent is a small, whole agent: it attaches to a mesh over
// WebSocket, answers every request with the request's own body, and shows what
// it does on standard output, one JSON object a line. It knows nothing of
// meshd but the protocol, so it is also where to begin with an agent of one's
// own.
//
//	MESHD_NODE=https://127.0.0.1:7443 MESHD_PIN=… MESHD_KEY=mk_… echoagent --name echo
//
// It comes back by itself when the node goes away, and leaves on interrupt.
package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

type options struct {
	node, pin, key, name string
	authMessage, once    bool
	delay                time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.node, "node", os.Getenv("MESHD_NODE"), "URL of a node (MESHD_NODE)")
	flag.StringVar(&o.pin, "pin", os.Getenv("MESHD_PIN"), "base64 SHA-256 of the node's public key (MESHD_PIN)")
	flag.StringVar(&o.name, "name", "echo", "name of the agent; empty attaches none")
	flag.BoolVar(&o.authMessage, "auth-message", false, "authenticate by the first message instead of a header")
	flag.BoolVar(&o.once, "once", false, "end when the connection does")
	flag.DurationVar(&o.delay, "delay", 0, "wait so long before each answer")
	flag.Parse()
	// The key is not a flag: flags show in ps.
	o.key = os.Getenv("MESHD_KEY")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "echoagent:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.node == "" || o.pin == "" || o.key == "" {
		return errors.New("set MESHD_NODE, MESHD_PIN and MESHD_KEY")
	}
	wait := 100 * time.Millisecond
	for {
		attached, err := session(ctx, o)
		if ctx.Err() != nil || o.once {
			return err
		}
		show("lost", map[string]any{"error": fmt.Sprint(err)})
		if attached {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
}

// session is one connection; attached says that the node said hello.
func session(ctx context.Context, o options) (attached bool, err error) {
	conn, err := dial(ctx, o)
	if err != nil {
		return false, err
	}
	// One goroutine reads and one, through out, writes; this one closes.
	out, done := make(chan any, 64), make(chan struct{})
	go func() {
		defer close(done)
		write(conn, out)
	}()
	stop := context.AfterFunc(ctx, func() {
		_ = conn.WriteControl(websocket.CloseMessage,
			websocket.FormatCloseMessage(websocket.CloseNormalClosure, "leaving"), time.Now().Add(time.Second))
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	})
	attached, err = read(conn, o, out)
	stop()
	close(out)
	<-done
	_ = conn.Close()
	if ctx.Err() != nil {
		return attached, nil
	}
	return attached, err
}

func dial(ctx context.Context, o options) (*websocket.Conn, error) {
	u, err := url.Parse(strings.TrimRight(o.node, "/"))
	if err != nil || u.Scheme != "https" {
		return nil, errors.New("the node is given as https://host:port")
	}
	u.Scheme = "wss"
	u = u.JoinPath("ws")
	if o.name != "" {
		u.Path = strings.TrimSuffix(u.Path, "ws") + "agents/" + o.name + "/ws"
	}
	pin, err := base64.StdEncoding.DecodeString(o.pin)
	if err != nil || len(pin) != sha256.Size {
		return nil, errors.New("the pin is the base64 of 32 bytes")
	}
	dialer := websocket.Dialer{HandshakeTimeout: 10 * time.Second, TLSClientConfig: &tls.Config{
		// The pin takes the place of a certificate authority.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			got := sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)
			if subtle.ConstantTimeCompare(got[:], pin) != 1 {
				return errors.New("the node has another key than the pin says")
			}
			return nil
		},
	}}
	header := http.Header{}
	if !o.authMessage {
		header.Set("Authorization", "Bearer "+o.key)
	}
	conn, answer, err := dialer.DialContext(ctx, u.String(), header)
	if answer != nil {
		defer answer.Body.Close()
	}
	if err != nil {
		if answer != nil {
			return nil, fmt.Errorf("the node answered %s", answer.Status)
		}
		return nil, err
	}
	if o.authMessage {
		if err := conn.WriteJSON(map[string]string{"type": "auth", "token": o.key}); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// frame is what this agent reads of the node's frames.
type frame struct {
	Type        string          `json:"type"`
	ID          string          `json:"id"`
	MessageID   string          `json:"message_id"`
	MessageType string          `json:"message_type"`
	From        json.RawMessage `json:"from"`
	Body        json.RawMessage `json:"body"`
	Wait        bool            `json:"wait"`
	Node        string          `json:"node"`
	Agent       string          `json:"agent"`
	Code        string          `json:"code"`
	Error       string          `json:"error"`
}

type reply struct {
	Type      string          `json:"type"`
	InReplyTo string          `json:"in_reply_to"`
	Body      json.RawMessage `json:"body"`
}

func read(conn *websocket.Conn, o options, out chan<- any) (attached bool, err error) {
	for {
		var f frame
		if err := conn.ReadJSON(&f); err != nil {
			return attached, err
		}
		switch f.Type {
		case "hello":
			attached = true
			show("attached", map[string]any{"node": f.Node, "agent": f.Agent})
			out <- map[string]any{"type": "hello", "description": "echoes what it is sent", "capabilities": []string{"echo"}}
		case "receive":
			show("received", map[string]any{"id": f.ID, "message_id": f.MessageID, "from": f.From, "body": f.Body})
			if f.Wait {
				time.Sleep(o.delay)
				out <- reply{Type: "reply", InReplyTo: f.ID, Body: f.Body}
			}
		case "error":
			show("error", map[string]any{"id": f.ID, "code": f.Code, "error": f.Error})
		}
	}
}

// write sends what comes from out until it is closed; after a failure it only
// drains, and the reader learns of the end by itself.
func write(conn *websocket.Conn, out <-chan any) {
	failed := false
	for f := range out {
		if failed {
			continue
		}
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		failed = conn.WriteJSON(f) != nil
		if failed {
			_ = conn.Close()
		}
	}
}

func show(event string, fields map[string]any) {
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err != nil {
		line = []byte(`{"event":"unprintable"}`)
	}
	fmt.Println(string(line))
}
