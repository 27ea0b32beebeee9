package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// topEvery is how often the view is drawn anew.
const topEvery = time.Second

// topBody is the answer of GET /top. Counts are since a node started: two
// samples make a rate.
type topBody struct {
	Status  statusBody `json:"status"`
	Nodes   []topNode  `json:"nodes"`
	Agents  []topAgent `json:"agents"`
	Inboxes []topInbox `json:"inboxes"`
}

type topNode struct {
	memberBody
	Answered    bool    `json:"answered"`
	UptimeMs    int64   `json:"uptime_ms"`
	Load        float64 `json:"load"`
	Lag         uint64  `json:"lag"`
	Connections int     `json:"connections"`
	Agents      int     `json:"agents"`
	Messages    struct {
		Delivered uint64 `json:"delivered"`
		Refused   uint64 `json:"refused"`
		Unknown   uint64 `json:"unknown"`
		Received  uint64 `json:"received"`
	} `json:"messages"`
	Links []topLink `json:"links"`
}

type topLink struct {
	NodeID        string  `json:"node_id"`
	Node          string  `json:"node"`
	Connected     bool    `json:"connected"`
	RTTMs         float64 `json:"rtt_ms"`
	ClockOffsetMs int64   `json:"clock_offset_ms"`
}

type topAgent struct {
	Name      string `json:"name"`
	Node      string `json:"node"`
	Instances int    `json:"instances"`
	Received  uint64 `json:"received"`
	Sent      uint64 `json:"sent"`
}

type topInbox struct {
	Agent    string     `json:"agent"`
	Messages int        `json:"messages"`
	Bytes    int64      `json:"bytes"`
	Dead     int        `json:"dead"`
	Oldest   *time.Time `json:"oldest"`
}

func topCommand(a *app) *cobra.Command {
	var once bool
	cmd := a.asks(&cobra.Command{
		Use:   "top",
		Short: "Watch the mesh at work: nodes, agents, messages, inboxes, links",
		Long: `top shows what all nodes are busy with, asked through one of them, and draws it
anew each second until q or Ctrl-C. Without a terminal, on one that cannot be drawn
on (TERM is dumb or not set), or with --once, it prints one view and ends: it looks
twice, a second apart, to know the rates. With --json
it prints one sample with counts since each node started.`,
		Example: "  meshd top\n  meshd top --once\n  meshd top --json | jq .nodes[].lag",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			look := func(ctx context.Context) (*topBody, error) {
				var t topBody
				err := c.Do(ctx, caller.Request{Method: "GET", Path: "/top"}, &t)
				return &t, err
			}
			p := a.printer()
			switch {
			case p.JSON:
				t, err := look(cmd.Context())
				if err != nil {
					return err
				}
				return p.Object(t)
			case once || !a.draws():
				return topOnce(cmd.Context(), p, look)
			}
			return a.topLive(cmd.Context(), p, look)
		}),
	})
	cmd.Flags().BoolVar(&once, "once", false, "print one view and end")
	return cmd
}

// draws says whether there is a terminal that takes more than lines.
func (a *app) draws() bool {
	return output.IsTerminal(a.out) && drawable(a.sys.Get("TERM"), runtime.GOOS)
}

// drawable says so of a kind of terminal. Windows does not name its own.
func drawable(kind, system string) bool {
	return kind != "dumb" && (kind != "" || system == "windows")
}

type topLook func(context.Context) (*topBody, error)

func topOnce(ctx context.Context, p *output.Printer, look topLook) error {
	before, err := look(ctx)
	if err != nil {
		return err
	}
	select {
	case <-time.After(topEvery):
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err := look(ctx)
	if err != nil {
		return err
	}
	return drawTop(p, topView{now: now, before: before, at: time.Now()})
}

// What a terminal is told (ECMA-48, DEC's modes, xterm's other screen): to keep
// what was on it, hide the cursor and cut long lines; to go back to the top, to
// forget the rest of a line and of the screen.
const (
	otherScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	ownScreen   = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	toTheTop    = "\x1b[H"
	restOfLine  = "\x1b[K"
	restBelow   = "\x1b[J"
)

// topLive draws until q, Ctrl-C, or the end of ctx. A node that does not answer
// for a while is said to be so above the last view.
func (a *app) topLive(ctx context.Context, p *output.Printer, look topLook) error {
	before, err := look(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	restore, err := a.quitKeys(cancel)
	if err != nil {
		return err
	}
	defer restore()
	if _, err := io.WriteString(a.out, otherScreen); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(a.out, ownScreen) }()
	view := topView{now: before, at: time.Now(), keys: true}
	tick := time.NewTicker(topEvery)
	defer tick.Stop()
	for {
		if err := a.paint(p, view); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		now, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			view.trouble = err.Error()
		default:
			view.before, view.now, view.at, view.trouble = view.now, now, time.Now(), ""
		}
	}
}

// paint puts a view on the screen, as much of it as there are lines.
func (a *app) paint(p *output.Printer, view topView) error {
	width, height := 80, 24
	if f, ok := a.out.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			width, height = w, h
		}
	}
	view.width, view.height = width, height
	var drawn bytes.Buffer
	onto := *p
	onto.Out = &drawn
	if err := drawTop(&onto, view); err != nil {
		return err
	}
	var screen bytes.Buffer
	screen.WriteString(toTheTop)
	lines := bytes.Split(bytes.TrimRight(drawn.Bytes(), "\n"), []byte("\n"))
	for i, line := range lines[:min(len(lines), height)] {
		if i > 0 {
			screen.WriteString("\r\n")
		}
		screen.Write(line)
		screen.WriteString(restOfLine)
	}
	screen.WriteString(restBelow)
	_, err := a.out.Write(screen.Bytes())
	return err
}

// quitKeys ends the view when q, Escape or Ctrl-C is typed. What is typed is
// not shown meanwhile. Without a terminal to read from only signals end it.
func (a *app) quitKeys(quit func()) (restore func(), err error) {
	in, ok := a.in.(*os.File)
	if !ok || !output.IsTerminal(in) {
		return func() {}, nil
	}
	was, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, err
	}
	go func() {
		key := make([]byte, 1)
		for {
			if _, err := in.Read(key); err != nil {
				return
			}
			switch key[0] {
			case 'q', 'Q', 3, 27: // Ctrl-C, Escape
				quit()
				return
			}
		}
	}()
	return func() { _ = term.Restore(int(in.Fd()), was) }, nil
}
