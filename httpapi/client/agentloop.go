package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Agent is a program attached to the mesh. It stays attached through broken
// connections and lost nodes until it is closed. Safe for concurrent use.
type Agent struct {
	client  *Client
	cfg     AgentConfig
	log     *slog.Logger
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	done    chan struct{} // closed when run has ended
	first   chan struct{} // closed when it was connected, or never will be
	opened  sync.Once
	figures agentFigures
	keys    keyring

	mu       sync.Mutex
	session  *agentSession // the last one, connected or resumable
	link     *link         // the connection; nil: none
	out      []frameOut    // to be written, in order
	outBytes int
	acks     []string // receive frames of session to be acknowledged
	credit   int      // to be given back to session
	sends    map[uint64]*sending
	nextID   uint64
	window   int           // how many sends may be under way
	room     chan struct{} // closed and made anew when there is room again
	timer    *time.Timer   // looks after deadlines; armed while sends wait
	armed    bool
	subs     []*Subscription
	asks     map[string]*asking // by the id of their frame
	nextAsk  uint64
	inbox    inbox
	drained  chan struct{} // closed by the writer when all is written; nil: nobody asks
	failure  error         // why it ended
	speaking bool          // somebody speaks for tasks
	speaker  sync.WaitGroup
	work     work
}

// AgentFigures say what an Agent has done.
type AgentFigures struct {
	// Connections were made, Resumed of them went on where one had broken.
	Connections, Resumed uint64
	// Sent were messages sent, Repeated of them durable ones sent again.
	Sent, Repeated uint64
	// Received were handed to the program; Again were messages of the inbox that
	// it had done or had in work, and were not.
	Received, Again uint64
	// Unknown were messages sent whose trace was lost.
	Unknown uint64
}

type agentFigures struct {
	connections, resumed, sent, repeated, received, again, unknown atomic.Uint64
}

// Figures returns what the Agent has done.
func (a *Agent) Figures() AgentFigures {
	f := &a.figures
	return AgentFigures{f.connections.Load(), f.resumed.Load(), f.sent.Load(), f.repeated.Load(), f.received.Load(), f.again.Load(), f.unknown.Load()}
}

const (
	firstPause, longestPause = 50 * time.Millisecond, 5 * time.Second
	defaultCredit            = 256
	// defaultWindow is what a node takes at least before it has said its own.
	defaultWindow = 256
	// stayWith is how long a node that does not answer is preferred after it
	// was lost, for the sake of what was under way.
	stayWith = 5 * time.Second
)

// Attach connects a program as cfg says, and returns when it is attached.
// Where no node answers within Config.Patience that is ErrUnreachable; a
// refusal is an *Error. ctx bounds attaching only.
func (c *Client) Attach(ctx context.Context, cfg AgentConfig) (*Agent, error) {
	if cfg.Concurrency < 1 {
		cfg.Concurrency = 1
	}
	if cfg.Credit == 0 {
		cfg.Credit = defaultCredit
	}
	cfg.Credit = max(cfg.Credit, cfg.Concurrency)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := described(cfg.Description, cfg.Capabilities); err != nil {
		return nil, err
	}
	a := &Agent{
		client: c, cfg: cfg, log: cfg.Logger, done: make(chan struct{}), first: make(chan struct{}),
		sends: map[uint64]*sending{}, window: defaultWindow, room: make(chan struct{}),
	}
	a.work.init(cfg)
	if err := a.keys.init(cfg); err != nil {
		return nil, err
	}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	go a.run()
	select {
	case <-a.first:
	case <-ctx.Done():
		_ = a.Close()
		return nil, ctx.Err()
	}
	err := a.Err()
	if err == nil {
		err = a.publish(ctx)
	}
	if err != nil {
		_ = a.Close()
		return nil, err
	}
	return a, nil
}

// Done is closed when the Agent has ended: closed, or put out for good.
func (a *Agent) Done() <-chan struct{} { return a.done }

// Err is why the Agent ended, nil while it lives or after Close.
func (a *Agent) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if errors.Is(a.failure, ErrClosed) {
		return nil
	}
	return a.failure
}

// Describe changes what the agent says of itself.
func (a *Agent) Describe(description string, capabilities []string) error {
	if err := described(description, capabilities); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cfg.Description, a.cfg.Capabilities = description, capabilities
	switch s := a.session; {
	case s == nil || s.over: // a new one says it
	case a.link != nil && a.link.hello != nil:
		a.link.hello = hello(&a.cfg, s, true)
	default:
		a.queue(frameOut{data: hello(&a.cfg, s, false)})
	}
	return nil
}

// described says whether the mesh takes what an agent says of itself.
func described(description string, capabilities []string) error {
	ok := len(description) <= 1024 && len(capabilities) <= 32
	for _, c := range capabilities {
		ok = ok && c != "" && len(c) <= 64
	}
	if !ok {
		return &Error{Code: CodeInvalid, Sentence: "a description has at most 1024 bytes, and there are at most 32 capabilities of 1 to 64 bytes"}
	}
	return nil
}

// Node is the id of the node it is connected to, empty while it is not.
func (a *Agent) Node() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.link == nil {
		return ""
	}
	return a.session.node
}

// run keeps the Agent connected.
func (a *Agent) run() {
	defer close(a.done)
	defer a.speaker.Wait()
	defer a.opened.Do(func() { close(a.first) })
	pause, begun := firstPause, time.Now()
	at, refusals, attached := a.client.first(), 0, false
	for a.ctx.Err() == nil {
		at = a.choose(at)
		l, err := a.connect(at)
		if err == nil {
			pause, refusals, attached = firstPause, 0, true
			a.client.mu.Lock()
			a.client.at = at
			a.client.mu.Unlock()
			err = a.serve(l)
		}
		if a.ctx.Err() != nil {
			break
		}
		if l == nil {
			a.log.Debug("not attached", "agent", a.cfg.Name, "node", a.client.nodes[at].base, "error", err)
		}
		var e *Error
		switch {
		case IsCode(err, CodeNotYourAgent), IsCode(err, CodeInvalid) && !attached:
			a.fail(err)
			return
		case l == nil && errors.As(err, &e) && !e.passing():
			refusals++
		default:
			refusals = 0
		}
		if refusals >= len(a.client.nodes) {
			a.fail(err) // each of them says no
			return
		}
		if !attached && time.Since(begun) > a.client.patience {
			if !errors.As(err, &e) && !errors.Is(err, ErrPin) {
				err = fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			a.fail(err)
			return
		}
		if l == nil {
			if errors.Is(err, syscall.ECONNREFUSED) {
				a.gone(at, err)
			}
			at = (at + 1) % len(a.client.nodes)
			if at != 0 {
				continue
			}
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-a.ctx.Done():
			timer.Stop()
		}
		pause = min(2*pause, longestPause)
	}
	a.fail(ErrClosed)
}

// choose is the node to try next: the one that holds the session while it can
// be resumed and what was under way would be lost otherwise.
func (a *Agent) choose(at int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.session; s.resumable() && time.Since(s.lost) < stayWith {
		return s.at
	}
	return at
}

// gone gives up the session of a node whose process is there no more.
func (a *Agent) gone(at int, why error) {
	a.mu.Lock()
	var lost []*sending
	if a.session != nil && a.session.at == at {
		lost = a.dropSession()
	}
	a.mu.Unlock()
	a.finish(lost, fmt.Errorf("%w: %w", errLost, why))
}

// fail ends the Agent: what is under way is told.
func (a *Agent) fail(err error) {
	a.mu.Lock()
	if a.failure == nil {
		a.failure = err
	}
	ended := append(a.dropSession(), a.takeSends(func(*sending) bool { return true })...)
	a.openRoom()
	a.mu.Unlock()
	a.cancel()
	a.finish(ended, err)
	a.work.close()
	if !errors.Is(err, ErrClosed) {
		a.tell(State{Err: err})
	}
}

func (a *Agent) tell(s State) {
	if a.cfg.OnState != nil {
		a.cfg.OnState(s)
	}
}

// Close detaches at once. What is under way ends as unknown; messages of the
// inbox that were not acknowledged will come again, to whoever is attached then.
// It may be called again, and by a Handler, whose context it ends and for which it
// does not wait; not by what must not block: OnState, OnEvent and the done of Submit.
func (a *Agent) Close() error {
	a.cancel()
	a.mu.Lock()
	l := a.link
	a.mu.Unlock()
	if l != nil {
		l.leave()
	}
	<-a.done
	return nil
}

// Drain takes no more work, waits until the handlers are done and what they
// said is written, and closes. Work that has not begun goes back. When ctx ends
// first, it closes at once and returns the context's error.
func (a *Agent) Drain(ctx context.Context) error {
	a.work.stop()
	err := a.work.wait(ctx)
	if err == nil {
		err = a.flushed(ctx)
	}
	_ = a.Close()
	return err
}
