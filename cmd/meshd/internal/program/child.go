package program

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

const (
	protocol = 1
	// instanceName is the variable that tells a child which of the instances it is.
	instanceName = "MESHD_INSTANCE"
	// maxGarbage is how many bad lines in a row a child may print.
	maxGarbage = 5
	// maxOwn is how many messages of its own a child may have under way.
	maxOwn = 64
	// termTime is what a child has after SIGTERM.
	termTime = 3 * time.Second
	// leftovers is how long a child's output is read after its end: what it
	// started may hold it open.
	leftovers = time.Second
	// unreadTime is how long what became of a child's own messages waits for the
	// child to read.
	unreadTime = time.Second
)

// child is one process.
type child struct {
	in    *instance
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan []byte // to be written
	// life ends with the process.
	life   context.Context
	ended  context.CancelFunc
	given  chan struct{} // closed when nobody waits for its messages any more
	giveUp sync.Once
	outbox chan *own   // its own messages that wait to be sent
	deaf   atomic.Bool // it has left its input unread for a while
	spoke  atomic.Bool // it has printed a line of the protocol

	mu      sync.Mutex
	agent   *client.Agent // nil: not attached yet
	hello   *said         // said before it was attached
	next    uint64
	pending map[string]*pending
	own     int // its own messages under way
}

// pending is a message that a child has, or a task.
type pending struct {
	m    *client.Message
	done chan error
	task *taskWork // nil: it is none
}

// start starts a child.
func (in *instance) start() (*child, error) {
	cmd := exec.Command(in.cfg.Command[0], in.cfg.Command[1:]...)
	cmd.Env = append(append([]string{}, in.cfg.Env...), instanceName+"="+strconv.Itoa(in.number))
	cmd.WaitDelay = leftovers
	inGroup(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, stdoutEnd := io.Pipe()
	stderr, stderrEnd := io.Pipe()
	cmd.Stdout, cmd.Stderr = stdoutEnd, stderrEnd
	if err := in.family.start(cmd); err != nil {
		return nil, err
	}
	c := &child{in: in, cmd: cmd, stdin: stdin, lines: make(chan []byte, 2*in.cfg.Concurrency+maxOwn), given: make(chan struct{}), pending: map[string]*pending{}, outbox: make(chan *own, maxOwn)}
	c.life, c.ended = context.WithCancel(context.Background())
	in.report(Event{Event: "started", PID: cmd.Process.Pid})
	var readers sync.WaitGroup
	readers.Go(func() { c.listen(stdout) })
	readers.Go(func() { c.log(stderr) })
	go c.speak()
	posting, giveUp := context.WithCancel(context.Background())
	posted := make(chan struct{})
	go func() {
		defer close(posted)
		c.post(posting)
	}()
	go func() {
		_ = cmd.Wait() // also for the output, or a moment
		kill(cmd)      // what it has left behind
		in.leftBehind(in.family.gone(cmd.Process.Pid, in.number))
		_ = stdoutEnd.Close()
		_ = stderrEnd.Close()
		readers.Wait()
		close(c.outbox)
		last := time.AfterFunc(drainTime, giveUp)
		<-posted // its last words
		last.Stop()
		giveUp()
		c.ended()
	}()
	return c, nil
}

// notFound says that a child which has ended was a shell, or a program like env,
// that could not run what it was told to: without a word, and by the code that
// POSIX has for it ("Exit Status for Commands").
func (c *child) notFound() error {
	code := c.cmd.ProcessState.ExitCode()
	if c.spoke.Load() || code != 126 && code != 127 {
		return nil
	}
	why := "what it was told to run is not there"
	if code == 126 {
		why = "what it was told to run cannot be executed"
	}
	return fmt.Errorf("%s ended at once with code %d: %s", c.in.cfg.Command[0], code, why)
}

// speak writes lines until the child ends.
func (c *child) speak() {
	for {
		select {
		case line := <-c.lines:
			if line == nil {
				_ = c.stdin.Close()
				return
			}
			if _, err := c.stdin.Write(line); err != nil {
				return // it has closed its input, or is ending
			}
			c.deaf.Store(false)
		case <-c.life.Done():
			return
		}
	}
}

// write puts a line in line; a child that does not read waits for nobody.
func (c *child) write(t told) bool {
	select {
	case c.lines <- t.line():
		return true
	case <-c.life.Done():
	case <-c.given:
	}
	return false
}

// attached tells the child that it is reached from now on.
func (c *child) attached(a *client.Agent) {
	c.mu.Lock()
	c.agent = a
	h := c.hello
	c.mu.Unlock()
	if h != nil {
		c.describe(a, h)
	}
	c.write(told{Type: "hello", Protocol: protocol, Agent: c.in.cfg.Agent.Name, Instance: c.in.number, Concurrency: c.in.cfg.Concurrency, Node: a.Node()})
}

func (c *child) describe(a *client.Agent, h *said) {
	if err := a.Describe(h.Description, h.Capabilities); err != nil {
		c.complain("", err)
	}
}

// complain tells a child what was wrong with a line.
func (c *child) complain(id string, err error) {
	t := told{Type: "error", InReplyTo: id, Code: client.CodeInvalid, Error: err.Error()}
	var e *client.Error
	if errors.As(err, &e) {
		t.Code, t.Error = e.Code, e.Sentence
	}
	if errors.Is(err, client.ErrSettled) {
		t.Code = client.CodeNotWaiting
	}
	select {
	case c.lines <- t.line():
	default: // it does not read
	}
}

// errEnded is what a message ends with whose child ended first.
var errEnded = &client.Error{Code: "PROGRAM_ENDED", Sentence: "the agent's program ended before it answered"}

// errStopping is what a message ends with that was not done when the child had
// to end.
var errStopping = &client.Error{Code: "PROGRAM_STOPPING", Sentence: "the agent is stopping and was not done in time"}

// handle is the agent's handler: it gives a message to the child and waits until
// it is done, also past a request's deadline, since the child is busy.
func (c *child) handle(ctx context.Context, m *client.Message) error {
	if t := m.Task(); t != nil {
		return c.handleTask(ctx, m, t)
	}
	from := m.From
	t := told{
		Type: "message", MessageID: m.ID, From: &from, To: m.To, MessageType: m.Type, Conversation: m.Conversation,
		Wait: m.Wait, Durable: m.Durable, Seq: m.Seq, Attempt: m.Attempt, Sealed: m.Sealed,
		TraceParent: m.TraceParent, RequestID: m.RequestID, Body: m.Body,
	}
	if m.Wait {
		t.DeadlineMs = max(time.Until(m.Deadline).Milliseconds(), 1)
	}
	if m.Durable {
		t.AcceptedAt = m.AcceptedAt.UTC().Format(time.RFC3339Nano)
	}
	if m.Body == nil && m.Size > 0 {
		ctx, cancel := context.WithTimeout(c.life, loadTime)
		defer cancel()
		var err error
		if t.Body, err = m.Load(ctx); err != nil {
			return err
		}
	}
	return c.give(&pending{m: m, done: make(chan error, 1)}, t)
}

// give gives a child what it is to do, and waits until it is done.
func (c *child) give(p *pending, t told) error {
	c.mu.Lock()
	c.next++
	t.ID = strconv.FormatUint(c.next, 10)
	c.pending[t.ID] = p
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		delete(c.pending, t.ID)
		c.mu.Unlock()
	}()
	var hung <-chan time.Time // never, where there is no limit
	if c.in.cfg.MaxTime > 0 {
		timer := time.NewTimer(c.in.cfg.MaxTime)
		defer timer.Stop()
		hung = timer.C
	}
	if c.write(t) {
		select {
		case err := <-p.done:
			return err
		case <-hung:
			c.in.report(Event{Event: "log", Level: "error", Source: "log", Text: "the program has had a message for " + c.in.cfg.MaxTime.String() + ": it is restarted"})
			kill(c.cmd)
			<-c.life.Done()
		case <-c.life.Done():
		case <-c.given:
		}
	}
	select {
	case err := <-p.done: // its last word
		return err
	default:
	}
	if c.life.Err() != nil {
		return errEnded
	}
	return errStopping
}

// loadTime is what fetching a large body may take.
const loadTime = time.Minute

// abandon ends the wait for what the child has.
func (c *child) abandon() { c.giveUp.Do(func() { close(c.given) }) }

// end closes the child's input, gives it a while, and ends it. It returns when
// the process is gone, and says whether it went by itself or on SIGTERM.
func (c *child) end(grace time.Duration) bool {
	c.abandon()
	select {
	case c.lines <- nil:
	default: // it does not read, so it will not miss the end of its input
	}
	if c.gone(grace) {
		return true
	}
	terminate(c.cmd)
	if c.gone(c.in.cfg.term) {
		return true
	}
	kill(c.cmd)
	<-c.life.Done()
	return false
}

func (c *child) gone(within time.Duration) bool {
	timer := time.NewTimer(max(within, 0))
	defer timer.Stop()
	select {
	case <-c.life.Done():
		return true
	case <-timer.C:
	case <-c.in.cfg.Now:
	}
	return c.life.Err() != nil
}

// log passes on what a child writes to standard error.
func (c *child) log(r io.Reader) {
	lines := bufio.NewReaderSize(r, maxLogLine)
	for {
		line, err := readLine(lines, maxLogLine)
		if err != nil && !errors.Is(err, errLong) {
			return
		}
		if len(line) > 0 {
			c.in.report(Event{Event: "log", Level: "info", Source: "stderr", Text: string(line)})
		}
	}
}
