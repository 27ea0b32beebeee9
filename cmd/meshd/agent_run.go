package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/logging"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/cmd/meshd/internal/program"
	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/node/message/seal"
	"github.com/meshd/meshd/node/socket"
)

func agentCommand(a *app) *cobra.Command {
	return group("agent", "Make programs agents of the mesh", "  meshd agent run --name adder -- python3 adder.py", agentRunCommand(a))
}

// agentRun is what the flags of "agent run" say.
type agentRun struct {
	name, description      string
	capabilities           []string
	instances, concurrency int
	grace, maxTime         time.Duration
	identity               string
	liveOnly               bool
}

func agentRunCommand(a *app) *cobra.Command {
	var r agentRun
	cmd := a.asks(&cobra.Command{
		Use:   "run --name NAME -- CMD…",
		Short: "Run a program as an agent: JSON lines on its input and output",
		Long: `run starts CMD and attaches it to the mesh as the agent NAME, until Ctrl-C or
SIGTERM. Each message comes to its standard input as a line of JSON, and it answers
with a line on its standard output:

  <- {"type":"message","id":"1","from":{…},"to":"adder","wait":true,"body":[2,3]}
  -> {"type":"reply","in_reply_to":"1","body":5}

  <- {"type":"message","id":"2","from":{…},"to":"adder","durable":true,"body":…}
  -> {"type":"ack","id":"2"}

Tasks come as lines of their own, and the answer is the task's result:

  <- {"type":"task","id":"3","attempt":1,"task":"17",…,"body":…}
  -> {"type":"progress","in_reply_to":"3","percent":50}
  -> {"type":"reply","in_reply_to":"3","body":…}

Standard error goes to the log. A program that ends is started again after 1 s,
later up to 1 min; what it had not answered fails, and messages of the inbox go
back to it. On stop it takes no new message, gets {"type":"stop"} and the end of its
input, and after --grace, or at once on a second Ctrl-C, SIGTERM and SIGKILL. The program gets no key of the mesh.
--node may name several nodes between commas; --pin then has theirs.`,
		Example: `  meshd agent run --name adder -- python3 adder.py
  meshd agent run --name resizer --instances 4 --grace 1m -- ./resize --fast
  MESHD_KEY=mk_… meshd agent run --node https://a.lan:7443,https://b.lan:7443 --pin PIN,PIN --name bot -- node bot.js`,
		Args: arguments,
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return a.runProgram(cmd, &r, args) }
	f := cmd.Flags()
	f.StringVar(&r.name, "name", "", "name of the agent")
	f.StringVar(&r.description, "description", "", "what the agent does, for who lists agents")
	f.StringSliceVar(&r.capabilities, "capability", nil, "what the agent can do; may be repeated")
	f.IntVar(&r.instances, "instances", 1, "how many of the program run; they share the messages")
	f.IntVar(&r.concurrency, "concurrency", 1, "how many messages each has at a time; answers may come in any order")
	f.DurationVar(&r.grace, "grace", 10*time.Second, "how long the program has to finish when it is stopped")
	f.DurationVar(&r.maxTime, "max-time", 0, "how long the program may have a message before it is taken for hung and started again; 0: for ever")
	f.StringVar(&r.identity, "identity", "", "file with the age identity that opens messages sealed to the agent")
	f.BoolVar(&r.liveOnly, "live-only", false, "leave the agent's inbox alone")
	return cmd
}

const (
	maxInstances   = 256
	maxConcurrency = 1024
)

func (r *agentRun) check() error {
	switch {
	case r.name == "":
		return exit.New(exit.Usage, "--name is missing", "for example: meshd agent run --name adder -- python3 adder.py")
	case r.instances < 1 || r.instances > maxInstances:
		return exit.Usagef("--instances is 1 to %d", maxInstances)
	case r.concurrency < 1 || r.concurrency > maxConcurrency:
		return exit.Usagef("--concurrency is 1 to %d", maxConcurrency)
	case r.grace < 0 || r.maxTime < 0:
		return exit.Usagef("--grace and --max-time are not negative")
	}
	return nil
}

// runProgram runs a program as an agent until it is stopped.
func (a *app) runProgram(cmd *cobra.Command, r *agentRun, args []string) error {
	if err := r.check(); err != nil {
		return err
	}
	if _, err := exec.LookPath(args[0]); err != nil {
		return exit.New(exit.Usage, fmt.Sprintf("the program %q cannot be run (%v)", args[0], errors.Unwrap(err)), "check its path, and that it may be executed")
	}
	ctx := cmd.Context()
	identity, err := a.identity(ctx, r.identity)
	if err != nil {
		return err
	}
	mesh, where, err := a.mesh(cmd)
	if err != nil {
		return err
	}
	defer mesh.Close()
	pressed, forget := askedTwice(ctx)
	defer forget()
	report, done := a.reporting(ctx, r.name)
	defer done()
	nodeName, err := reached(ctx, mesh)
	if err == nil {
		err = program.Run(ctx, program.Config{
			Client: mesh,
			Agent: client.AgentConfig{
				Name: r.name, Description: r.description, Capabilities: r.capabilities, Identity: identity, LiveOnly: r.liveOnly,
			},
			Command: args, Env: childEnvironment(os.Environ(), r.name, nodeName),
			Instances: r.instances, Concurrency: r.concurrency, Grace: r.grace, MaxTime: r.maxTime, Now: pressed, Report: report,
		})
	}
	return a.ending(err, where)
}

// askedTwice is closed by the second signal to stop, for which what a program has
// started is not left running. A third ends this process as if nothing were here.
func askedTwice(ctx context.Context) (pressed <-chan struct{}, forget func()) {
	out, done := make(chan struct{}), make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-done:
			return
		}
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
		defer signal.Stop(signals)
		select {
		case <-signals:
			close(out)
		case <-done:
		}
	}()
	return out, sync.OnceFunc(func() { close(done) })
}

// ending is how the verb ends, with its code.
func (a *app) ending(err error, where string) error {
	var refused *client.Error
	var start *program.StartError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, program.ErrKilled):
		return exit.New(exit.Failed, err.Error(), "give it more time with --grace, or let it end when its input does")
	case errors.As(err, &start):
		return exit.New(exit.Usage, err.Error(), "check its path, and that it may be executed")
	case errors.Is(err, client.ErrPin):
		return exit.New(exit.Refused, "the node at "+where+" showed another key than the pin names, so nothing was sent", "compare --pin with \"meshd cert\" on that machine")
	case errors.Is(err, client.ErrUnreachable):
		return &exit.Error{Code: exit.Unreachable, Sentence: "no node answers at " + where, Next: "check that \"meshd serve\" runs there; \"meshd doctor\" looks for the reason", Err: err}
	case errors.As(err, &refused):
		next, _ := refused.Details["next"].(string)
		if refused.Status == http.StatusUnauthorized {
			next = "give a key with --key-file or MESHD_KEY; \"meshd apikey create\" on a machine of the mesh makes one"
		}
		return &exit.Error{Code: exit.Refused, Sentence: output.Clean(refused.Sentence) + " (" + refused.Code + ")", Next: next, Err: err}
	}
	return err
}

// mesh is the client of a program that stays: of all the nodes that --node
// names, or of the local one.
func (a *app) mesh(cmd *cobra.Command) (mesh *client.Client, where string, err error) {
	data, err := a.data(cmd)
	if err != nil {
		return nil, "", err
	}
	node := a.target.node
	if node == "" && !cmd.Flags().Changed("data") {
		node = a.sys.Get("MESHD_NODE")
	}
	var cfg client.Config
	if node == "" {
		for _, name := range []string{"pin", "key", "key-file"} {
			if cmd.Flags().Changed(name) {
				return nil, "", exit.New(exit.Usage, "--"+name+" is for a node named with --node", "the local node needs none")
			}
		}
		path, err := socket.Find(data)
		if err != nil {
			return nil, "", err
		}
		if _, err := os.Stat(path); err != nil {
			return nil, "", exit.New(exit.Unreachable, "there is no node running in "+data, "start it with \"meshd serve"+a.sys.DataFlag(data)+"\", or name a node with --data or --node")
		}
		node = "unix://" + path
	} else if cfg.Key, err = a.apiKey(cmd.Context()); err != nil {
		return nil, "", err
	}
	pin := cmp.Or(a.target.pin, a.sys.Get("MESHD_PIN"))
	for one := range strings.SplitSeq(node, ",") {
		if one = strings.TrimSpace(one); !strings.Contains(one, "://") {
			one = "https://" + one
		}
		cfg.Nodes = append(cfg.Nodes, client.Node{URL: one, Pin: pin})
	}
	mesh, err = client.New(cfg)
	if err != nil {
		return nil, "", exit.Usagef("%v", err)
	}
	return mesh, strings.TrimPrefix(node, "unix://"), nil
}

// reached says whether the mesh answers and knows the caller, before anything
// is started, and returns the node's name where the caller may know it.
func reached(ctx context.Context, mesh *client.Client) (name string, err error) {
	if err := mesh.Do(ctx, client.Request{Method: http.MethodGet, Path: "/api/auth/verify"}, nil); err != nil {
		return "", err
	}
	var status struct {
		Node struct {
			Name string `json:"name"`
		} `json:"node"`
	}
	err = mesh.Do(ctx, client.Request{Method: http.MethodGet, Path: "/status"}, &status)
	if e := (*client.Error)(nil); errors.As(err, &e) {
		return "", nil // it may not know; it can run
	}
	return status.Node.Name, err
}

// childEnvironment is the environment of the program: what this one has, but
// for all that is about meshd, keys above all.
func childEnvironment(all []string, agent, node string) []string {
	out := []string{"MESHD_AGENT=" + agent}
	if node != "" {
		out = append(out, "MESHD_NODE_NAME="+node)
	}
	for _, e := range all {
		name, _, _ := strings.Cut(e, "=")
		if runtime.GOOS == "windows" {
			name = strings.ToUpper(name)
		}
		if !strings.HasPrefix(name, "MESHD_") {
			out = append(out, e)
		}
	}
	return out
}

// identity reads the file of an age identity.
func (a *app) identity(ctx context.Context, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	f, err := open(ctx, "the identity", path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && runtime.GOOS != "windows" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return "", exit.New(exit.Refused, "others may read the identity "+path, "chmod 600 "+path)
	}
	text, err := io.ReadAll(io.LimitReader(newInterruptibleReader(ctx, f), 64<<10))
	if err != nil {
		return "", unreadable("the identity", path, err)
	}
	if _, err := seal.ParseIdentity(string(text)); err != nil {
		return "", exit.New(exit.Usage, path+" is no identity of an agent: "+err.Error(), "make one with \"meshd agents key NAME --generate FILE\"")
	}
	return string(text), nil
}

// reporting tells what happens: under --json one object a line to standard
// output, and else as a log to standard error.
func (a *app) reporting(ctx context.Context, agent string) (report func(program.Event), done func()) {
	if a.json {
		e := newEventLines(ctx, a.out)
		return e.report, e.done
	}
	log, queue := logging.New(logging.Options{Writer: a.err, Terminal: output.IsTerminal(a.err)})
	return func(ev program.Event) { logEvent(log.With("agent", agent), ev) }, func() { _ = queue.Close(2 * time.Second) }
}

func logEvent(log *slog.Logger, e program.Event) {
	if e.Instance > 0 {
		log = log.With("instance", e.Instance)
	}
	switch e.Event {
	case "started":
		log.Info("the program runs", "pid", e.PID)
	case "attached":
		log.Info("attached", "node", e.Node, "resumed", e.Resumed)
	case "lost":
		log.Warn("the connection is lost", "node", e.Node, "error", e.Error)
	case "log":
		level := slog.LevelInfo
		_ = level.UnmarshalText([]byte(e.Level)) // stays at info
		log.Log(context.Background(), level, output.Clean(e.Text), "source", e.Source)
	case "ended":
		args := []any{"pid", e.PID}
		if e.Code != nil {
			args = append(args, "code", *e.Code)
		}
		for _, more := range [][2]string{{"signal", e.Signal}, {"error", e.Error}, {"restart_in", e.RestartIn}} {
			if more[1] != "" {
				args = append(args, more[0], more[1])
			}
		}
		if e.RestartIn == "" {
			log.Info("the program has ended", args...)
			return
		}
		log.Warn("the program has ended and is started again", args...)
	case "stopped":
		log.Info("stopped")
	}
}
