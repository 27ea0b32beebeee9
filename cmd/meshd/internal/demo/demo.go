package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/demo/data"
)

// namespace is where the demo's knowledge lives.
const namespace = "default"

// Options says how the demo runs.
type Options struct {
	// Binary is the meshd to run; Dir where the nodes keep their data.
	Binary, Dir string
	// Headline and Detail take what it tells; both are called on one goroutine.
	Headline, Detail func(string)
}

// Report is what the demo measured, for programs.
type Report struct {
	FormedSeconds    float64 `json:"formed_seconds"`
	Nodes            uint64  `json:"nodes"`
	Edges            uint64  `json:"edges"`
	ImportSeconds    float64 `json:"import_seconds"`
	AskRoundTripMs   float64 `json:"ask_round_trip_ms"`
	Answer           string  `json:"answer"`
	ReadYourWriteMs  float64 `json:"write_to_read_ms"`
	AcceptedMs       float64 `json:"message_accepted_ms"`
	LeaderGapSeconds float64 `json:"leader_gap_seconds"`
	CatchUpSeconds   float64 `json:"catch_up_seconds"`
	Revision         uint64  `json:"revision"`
	StateHash        string  `json:"state_hash"`
}

// Demo is a running demonstration. It is for one goroutine.
type Demo struct {
	o      Options
	nodes  []*process
	key    string
	report Report
}

// Run plays the demonstration. The nodes run on when it returns: stop them
// with Close. An error names what did not hold.
func Run(ctx context.Context, o Options) (*Demo, Report, error) {
	d := &Demo{o: o}
	for _, act := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"Three nodes become a mesh", d.form},
		{"Loading meshd's own package graph at " + names[0], d.load},
		{"A client at " + names[0] + " asks the librarian on " + names[2], d.ask},
		{"A write at " + names[1] + " is read at " + names[2], d.writeAndRead},
		{"A message is left for an agent that is away", d.leaveMessage},
		{"The leader is killed", d.killLeader},
		{"The dead node returns", d.comeBack},
		{"The agent comes for its message", d.takeMessage},
		{"Everything is equal everywhere", d.compare},
	} {
		o.Headline(act.title)
		if err := act.play(ctx); err != nil {
			return d, d.report, fmt.Errorf("%s: %w", strings.ToLower(act.title[:1])+act.title[1:], err)
		}
	}
	return d, d.report, nil
}

var names = []string{"alpha", "beta", "gamma"}

func (d *Demo) tell(format string, args ...any) { d.o.Detail(fmt.Sprintf(format, args...)) }

// form starts the three nodes.
func (d *Demo) form(ctx context.Context) error {
	begun := time.Now()
	for _, name := range names {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		d.nodes = append(d.nodes, &process{name: name, address: address, data: filepath.Join(d.o.Dir, name), binary: d.o.Binary})
	}
	f, err := d.nodes[0].found(ctx)
	if err != nil {
		return err
	}
	d.key = f.APIKey
	d.tell("%s made the mesh at https://%s (%s)", names[0], d.nodes[0].address, since(begun))
	for _, n := range d.nodes[1:] {
		joined := time.Now()
		if err := n.join(ctx, f.Token, func(text string) { d.tell("%s: %s", n.name, text) }); err != nil {
			return err
		}
		d.tell("%s took %s", n.name, since(joined))
	}
	if err := d.connect(ctx, f.Node.Pin); err != nil {
		return err
	}
	err = d.eventually(ctx, 30*time.Second, func() error {
		members, err := d.members(ctx, d.nodes[0])
		if err != nil {
			return err
		}
		voters := 0
		for _, m := range members {
			if m.Role == "voter" && m.Status == "alive" {
				voters++
			}
		}
		if voters != len(d.nodes) {
			return fmt.Errorf("%d of %d voters", voters, len(d.nodes))
		}
		return d.same(ctx)
	})
	if err != nil {
		return err
	}
	d.report.FormedSeconds = time.Since(begun).Seconds()
	d.tell("formed in %s: three voters, the loss of one is tolerated", since(begun))
	return nil
}

// connect makes an HTTPS client for each node, with the pin and the key that a
// user would have.
func (d *Demo) connect(ctx context.Context, firstPin string) error {
	pins := map[string]string{names[0]: firstPin}
	for i, n := range d.nodes {
		if i == 1 {
			members, err := d.members(ctx, d.nodes[0])
			if err != nil {
				return err
			}
			for _, m := range members {
				pins[m.Name] = m.Pin
			}
		}
		c, err := caller.New(caller.Options{Node: "https://" + n.address, Pin: pins[n.name], Key: d.key, Version: "demo"})
		if err != nil {
			return err
		}
		n.client = c
	}
	return nil
}

// load streams the embedded graph into the first node.
func (d *Demo) load(ctx context.Context) error {
	begun := time.Now()
	in, err := data.Open()
	if err != nil {
		return err
	}
	res, err := d.nodes[0].client.Open(ctx, caller.Request{
		Method: http.MethodPost, Path: "/graph/import", Query: url.Values{"session_id": {namespace}},
		Stream: in, ContentType: "application/x-ndjson", Once: true, Timeout: -1,
	})
	if err != nil {
		return err
	}
	defer res.Body.Close()
	last, err := lastLine(res.Body)
	if err != nil {
		return err
	}
	if last.Errors > 0 {
		return fmt.Errorf("%d lines were refused", last.Errors)
	}
	d.report.Nodes, d.report.Edges, d.report.ImportSeconds = last.Nodes, last.Edges, time.Since(begun).Seconds()
	d.tell("%d nodes and %d edges in %s, acknowledged by a majority", last.Nodes, last.Edges, since(begun))
	return nil
}

// ask sends a question from the first node to the librarian on the third.
func (d *Demo) ask(ctx context.Context) error {
	const question = "what depends on go.etcd.io/bbolt?"
	d.tell("%q", question)
	var out struct {
		Reply struct {
			Text string `json:"text"`
		} `json:"reply"`
	}
	var took time.Duration
	// The first question warms the link; the second is timed.
	for range 2 {
		begun := time.Now()
		if err := d.nodes[0].client.Do(ctx, caller.Request{
			Method: http.MethodPost, Path: "/messages", Once: true,
			Body: map[string]any{"to": "librarian@" + names[2], "body": question, "wait": true, "timeout": "10s"},
		}, &out); err != nil {
			return err
		}
		took = time.Since(begun)
	}
	if out.Reply.Text == "" {
		return errors.New("the librarian answered nothing")
	}
	d.report.Answer, d.report.AskRoundTripMs = out.Reply.Text, ms(took)
	d.tell("%s", out.Reply.Text)
	d.tell("round trip client → %s → %s and back: %.1f ms", names[0], names[2], ms(took))
	return nil
}

// writeAndRead writes at the second node and reads at the third.
func (d *Demo) writeAndRead(ctx context.Context) error {
	begun := time.Now()
	id, revision, err := d.write(ctx, d.nodes[1], "written at "+names[1])
	if err != nil {
		return err
	}
	written := time.Since(begun)
	var got struct {
		Label string `json:"label"`
	}
	path := "/graph/nodes/" + strconv.FormatUint(id, 10)
	if err := d.nodes[2].client.Do(ctx, caller.Request{Method: http.MethodGet, Path: path, Query: url.Values{"min_revision": {revision}}}, &got); err != nil {
		return err
	}
	if got.Label != "written at "+names[1] {
		return fmt.Errorf("read %q", got.Label)
	}
	d.report.ReadYourWriteMs = ms(time.Since(begun))
	d.tell("node %d written in %.1f ms, read at revision %s %.1f ms later", id, ms(written), revision, ms(time.Since(begun)-written))
	return nil
}

// write makes one graph node and returns its id and the write's revision.
func (d *Demo) write(ctx context.Context, at *process, label string) (uint64, string, error) {
	res, err := at.client.Open(ctx, caller.Request{
		Method: http.MethodPost, Path: "/graph/nodes", Timeout: 30 * time.Second,
		Body: map[string]any{"session_id": namespace, "node_type": "event", "label": label, "properties": map[string]any{}},
	})
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	var made struct {
		ID uint64 `json:"id"`
	}
	err = json.NewDecoder(res.Body).Decode(&made)
	return made.ID, res.Header.Get("X-Mesh-Revision"), err
}

// Close stops every node.
func (d *Demo) Close() {
	for i := len(d.nodes) - 1; i >= 0; i-- {
		d.nodes[i].stop()
	}
}

// Access tells how to reach the nodes that run on.
func (d *Demo) Access() (lines []string) {
	for _, n := range d.nodes {
		lines = append(lines, fmt.Sprintf("meshd status --data %s   # https://%s", n.data, n.address))
	}
	return lines
}

// Processes lists the ids of the nodes' processes.
func (d *Demo) Processes() (ids []int) {
	for _, n := range d.nodes {
		if n.running() {
			ids = append(ids, n.cmd.Process.Pid)
		}
	}
	return ids
}

func since(t time.Time) string { return time.Since(t).Round(time.Millisecond).String() }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// NewDir makes the directory of a demonstration.
func NewDir() (string, error) { return os.MkdirTemp("", "meshd-demo-") }
