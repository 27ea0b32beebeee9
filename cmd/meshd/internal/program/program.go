package program

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

// Config says what is run, and as whom.
type Config struct {
	// Client reaches the mesh; Agent is who the children are. Its Handler,
	// Concurrency and Credit are set here.
	Client *client.Client
	Agent  client.AgentConfig
	// Command is the program and its arguments, Env its whole environment.
	Command, Env []string
	// Instances is how many children run, Concurrency how many messages each has
	// at a time.
	Instances, Concurrency int
	// Grace is how long a child has to finish when it is stopped.
	Grace time.Duration
	// Pause is how long the first restart waits, MaxPause the longest; a child
	// that lived for MaxPause begins anew. 0: 1 s and 1 min.
	Pause, MaxPause time.Duration
	// MaxTime is how long a child may have a message before it is taken for hung
	// and started again; 0: for ever.
	MaxTime time.Duration
	// Now says, when it is closed after ctx has ended, that nothing is to be waited
	// for: what runs is killed. It may be nil.
	Now <-chan struct{}
	// Report is told what happens, by several goroutines. It may block.
	Report func(Event)

	term time.Duration // after SIGTERM; 0: termTime
}

// Event is something that happened to a child.
type Event struct {
	// Event is started, attached, lost, log, ended, refused or stopped.
	Event string `json:"event"`
	// Instance counts from 1.
	Instance int    `json:"instance,omitempty"`
	PID      int    `json:"pid,omitempty"`
	Node     string `json:"node,omitempty"`
	Resumed  bool   `json:"resumed,omitempty"`
	// Level and Text are of a log line, Source is stderr or log.
	Level  string `json:"level,omitempty"`
	Source string `json:"source,omitempty"`
	Text   string `json:"text,omitempty"`
	// Code is the exit code, Signal what ended it in its place.
	Code      *int   `json:"code,omitempty"`
	Signal    string `json:"signal,omitempty"`
	RestartIn string `json:"restart_in,omitempty"`
	Error     string `json:"error,omitempty"`
}

// ErrKilled says that a child did not end in time when it was asked to.
var ErrKilled = errors.New("a program did not end in time and was killed")

// StartError says that the program cannot be run at all.
type StartError struct{ Err error }

// Error returns the sentence.
func (e *StartError) Error() string { return fmt.Sprintf("the program cannot be started: %v", e.Err) }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Run runs the children until ctx ends, and then stops them. Its error is nil
// when all of them ended in time, ErrKilled when one did not; or it is why none
// could be run: a *StartError, or what the mesh said.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Pause == 0 {
		cfg.Pause = time.Second
	}
	if cfg.MaxPause == 0 {
		cfg.MaxPause = time.Minute
	}
	if cfg.term == 0 {
		cfg.term = termTime
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	family := newFamily()
	var wg sync.WaitGroup
	killed := make([]bool, cfg.Instances)
	for i := range cfg.Instances {
		wg.Go(func() {
			in := &instance{cfg: &cfg, number: i + 1, family: family}
			switch err := in.run(ctx); {
			case errors.Is(err, ErrKilled):
				killed[i] = true
			case err != nil:
				cancel(fatal{err}) // what one cannot do the others cannot
			}
		})
	}
	wg.Wait()
	(&instance{cfg: &cfg}).leftBehind(family.close())
	cfg.Report(Event{Event: "stopped"})
	if f := (fatal{}); errors.As(context.Cause(ctx), &f) {
		return f.error
	}
	for _, k := range killed {
		if k {
			return ErrKilled
		}
	}
	return nil
}

// fatal is why all instances end.
type fatal struct{ error }

// instance is one child after the other.
type instance struct {
	cfg    *Config
	number int
	family *family
}

func (in *instance) report(e Event) {
	e.Instance = in.number
	in.cfg.Report(e)
}

// leftBehind reports how many processes outlived the one that started them, and
// were ended.
func (in *instance) leftBehind(n int) {
	if n > 0 {
		in.report(Event{Event: "log", Level: "warn", Source: "log", Text: fmt.Sprintf("the program left processes behind, which were ended: %d", n)})
	}
}

// run restarts the child until ctx ends, or it cannot be run.
func (in *instance) run(ctx context.Context) error {
	pause := in.cfg.Pause
	for first := true; ; first = false {
		begun := time.Now()
		c, err := in.start()
		if err != nil && first {
			return &StartError{err}
		}
		text := ""
		if err == nil {
			err = in.live(ctx, c)
			if ctx.Err() != nil {
				code := c.cmd.ProcessState.ExitCode()
				in.report(Event{Event: "ended", PID: c.cmd.Process.Pid, Code: &code, Signal: signalOf(c.cmd)})
				return err
			}
			if err != nil && (first || hopeless(err)) {
				return err
			}
			if why := c.notFound(); err == nil && first && why != nil { // later it may be just being replaced
				return &StartError{why}
			}
		}
		if err != nil {
			text = err.Error()
		}
		if time.Since(begun) >= in.cfg.MaxPause {
			pause = in.cfg.Pause
		}
		e := Event{Event: "ended", RestartIn: pause.String(), Error: text}
		if c != nil {
			code := c.cmd.ProcessState.ExitCode()
			e.PID, e.Code, e.Signal = c.cmd.Process.Pid, &code, signalOf(c.cmd)
		}
		in.report(e)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		pause = min(2*pause, in.cfg.MaxPause)
	}
}

// hopeless says that attaching again would not go better.
func hopeless(err error) bool {
	var refused *client.Error
	return errors.Is(err, client.ErrPin) || errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests
}

// live attaches a child and serves it until it ends or ctx does; then it is
// gone. The error is why it could not be attached, or ErrKilled.
func (in *instance) live(ctx context.Context, c *child) error {
	cfg := in.cfg.Agent
	cfg.Concurrency, cfg.Credit = in.cfg.Concurrency, in.cfg.Concurrency
	cfg.Handler = c.handle
	cfg.OnState = in.state
	attaching, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(c.life, cancel) // no use without the child
	a, err := in.cfg.Client.Attach(attaching, cfg)
	stop()
	cancel()
	if err != nil {
		if c.life.Err() != nil && !errors.Is(err, client.ErrUnreachable) && !hopeless(err) {
			err = nil // the child ended by itself
		}
		c.end(0)
		if ctx.Err() != nil {
			err = nil
		}
		return err
	}
	c.attached(a)
	select {
	case <-c.life.Done():
		in.drain(a, drainTime)
		c.end(0)
		return nil
	case <-a.Done():
		c.end(in.cfg.Grace)
		return a.Err()
	case <-ctx.Done():
	}
	return in.stop(a, c)
}

// drainTime is what writing the last words may take.
const drainTime = 2 * time.Second

func (*instance) drain(a *client.Agent, most time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	_ = a.Drain(ctx) // what could not be said, the mesh works out
}

// stop takes no more work, lets the child finish and ends it.
func (in *instance) stop(a *client.Agent, c *child) error {
	grace := in.cfg.Grace
	until := time.Now().Add(grace)
	ctx, cancel := context.WithTimeout(context.Background(), grace+drainTime)
	defer cancel()
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_ = a.Drain(ctx)
	}()
	go func() {
		select {
		case <-in.cfg.Now:
			c.abandon()
			cancel()
		case <-ctx.Done():
		}
	}()
	late := time.AfterFunc(grace, c.abandon) // also the wait for a child that does not read
	c.write(told{Type: "stop", GraceMs: grace.Milliseconds()})
	<-drained
	late.Stop()
	c.abandon()
	if c.end(time.Until(until)) {
		return nil
	}
	return ErrKilled
}

// state reports what becomes of the connection.
func (in *instance) state(s client.State) {
	switch {
	case s.Dropped > 0:
		in.report(Event{Event: "log", Level: "warn", Source: "log", Text: fmt.Sprintf("%d messages of topics were dropped: they come faster than they are read", s.Dropped)})
	case s.Connected:
		in.report(Event{Event: "attached", Node: s.Node, Resumed: s.Resumed})
	case s.Err != nil:
		in.report(Event{Event: "lost", Node: s.Node, Error: s.Err.Error()})
	}
}
