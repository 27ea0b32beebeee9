package client_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	. "github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
	"github.com/meshd/meshd/node/message"
	"github.com/meshd/meshd/node/task"
)

// said is a report that came, and how it was answered.
type said struct {
	Path, Key        string
	State, Agent     string
	Attempt          int
	Progress, Result json.RawMessage
	Error            struct{ Code, Text string }
	Retryable        bool
}

// office takes reports on tasks, and answers with the statuses in turn, 200 after
// the last.
type office struct {
	mu       sync.Mutex
	statuses []int
	said     []said
	standing string        // of every task; empty: submitted, at its second attempt
	more     chan struct{} // has a token after each report; may be nil
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		o.mu.Lock()
		defer o.mu.Unlock()
		_, _ = io.WriteString(w, cmp.Or(o.standing, `{"state":"submitted","attempt":2}`))
		return
	}
	s := said{Path: r.URL.Path, Key: r.Header.Get("Idempotency-Key")}
	raw, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(raw, &s)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.said = append(o.said, s)
	select {
	case o.more <- struct{}{}:
	default:
	}
	if len(o.statuses) == 0 {
		_, _ = w.Write([]byte("{}"))
		return
	}
	status := o.statuses[0]
	o.statuses = o.statuses[1:]
	w.WriteHeader(status)
	code := map[int]string{503: "NO_LEADER", 409: CodeNotAssigned, 413: "TOO_LARGE"}[status]
	_, _ = w.Write([]byte(`{"error":"no","code":"` + code + `"}`))
}

func (o *office) reports() []said {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.said
}

// delegate hands a task over as the mesh does, and returns what came of the
// message.
func delegate(t *testing.T, n *agenttest.Node, seq uint64, principal string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := handOver(ctx, n, seq, principal)
	if r.Status != message.Delivered {
		t.Fatalf("%+v, %v", r, err)
	}
	return err
}

func handOver(ctx context.Context, n *agenttest.Node, seq uint64, principal string) (message.Receipt, error) {
	type end struct {
		r   message.Receipt
		err error
	}
	ended := make(chan end, 1)
	n.Router.Forward(ctx, message.Message{
		ID: "task-17-2", To: "worker", Type: task.MessageDelegation, From: message.Sender{Principal: principal}, Stored: &message.Stored{Seq: seq, Attempt: 1},
		Body: json.RawMessage(`{"task":"17","attempt":2,"max_attempts":3,"type":"sum","body":[2,3],"requester":{"agent":"boss","principal":"k"},"needs":["adding"],"priority":"high","deadline":"2030-01-02T15:04:05Z"}`),
	}, func(r message.Receipt, err error) { ended <- end{r, err} })
	e := <-ended
	return e.r, e.err
}

func taskWorker(t *testing.T, o *office, h Handler) *agenttest.Node {
	t.Helper()
	n := agenttest.New(t, "n1")
	n.HTTP = o.ServeHTTP
	agenttest.Attach(t, agenttest.Client(t, n), AgentConfig{Name: "worker", Description: "sums", Handler: h})
	n.Until(t, "attached", func(l []message.Local) bool { return len(l) == 1 && l[0].Description != "" })
	return n
}

// A report that is put off is made again under its key, and the message is
// acknowledged when the last was taken.
func TestTaskCompleted(t *testing.T) {
	o := &office{statuses: []int{200, 503, 503}}
	n := taskWorker(t, o, func(ctx context.Context, m *Message) error {
		given := m.Task()
		if given.ID != "17" || given.Type != "sum" || given.Requester.Agent != "boss" || given.Deadline.Year() != 2030 || given.Needs[0] != "adding" || given.MaxAttempts != 3 {
			t.Errorf("%+v", given)
		}
		half := 50
		if err := given.Working(ctx, Progress{Text: "adding", Percent: &half}); err != nil {
			return err
		}
		var xs []int
		if err := json.Unmarshal(given.Body, &xs); err != nil {
			return err
		}
		return given.Complete(ctx, xs[0]+xs[1])
	})
	if err := delegate(t, n, 1, "mesh"); err != nil {
		t.Fatal(err)
	}
	r := o.reports()
	if len(r) != 4 || r[0].State != "working" || string(r[0].Progress) != `{"text":"adding","percent":50}` {
		t.Fatalf("%+v", r)
	}
	if last := r[3]; last.Path != "/tasks/17/status" || last.State != "completed" || last.Agent != "worker" || last.Attempt != 2 || string(last.Result) != "5" {
		t.Fatalf("%+v", last)
	}
	if r[1].Key == "" || r[1].Key != r[2].Key || r[1].Key != r[3].Key || r[0].Key == r[1].Key {
		t.Fatalf("keys of reports: %+v", r)
	}
}

// An error or a panic of the handler fails the attempt. A report that is refused
// for good leaves the message to come again, unless the task is not its own.
func TestTaskFails(t *testing.T) {
	o := &office{}
	var refused error
	n := taskWorker(t, o, func(ctx context.Context, m *Message) error {
		given := m.Task()
		switch len(o.reports()) {
		case 0:
			return &Error{Code: "NO_PAPER", Sentence: "there is no paper"}
		case 1:
			panic("no ink")
		}
		refused = given.Complete(ctx, nil)
		return refused
	})
	for i, want := range []string{"there is no paper", "the handler panicked: no ink"} {
		if err := delegate(t, n, uint64(i+1), "mesh"); err != nil {
			t.Fatal(err)
		}
		if r := o.reports(); len(r) != i+1 || r[i].State != "failed" || !r[i].Retryable || r[i].Error.Text != want {
			t.Fatalf("%+v", r)
		}
	}
	if code := o.reports()[0].Error.Code; code != "NO_PAPER" {
		t.Fatal(code)
	}
	o.statuses = []int{413, 413}
	if err := delegate(t, n, 3, "mesh"); err == nil || !IsCode(refused, "TOO_LARGE") {
		t.Fatalf("%v, %v", err, refused)
	}
	o.statuses = []int{409}
	if err := delegate(t, n, 4, "mesh"); err != nil || !IsCode(refused, CodeNotAssigned) || len(o.reports()) != 5 {
		t.Fatalf("%v, %v, %+v", err, refused, o.reports())
	}
}

// Only the mesh hands over tasks.
func TestTaskOfAnother(t *testing.T) {
	n := taskWorker(t, &office{}, func(_ context.Context, m *Message) error {
		if m.Task() != nil {
			return errors.New("it was taken for a task")
		}
		return nil
	})
	if err := delegate(t, n, 1, "k7"); err != nil {
		t.Fatal(err)
	}
}

// What has ended, or is begun by another, is not done a second time.
func TestTaskLeft(t *testing.T) {
	for standing, returned := range map[string]bool{
		`{"state":"working","attempt":2}`:        true,
		`{"state":"input_required","attempt":2}`: true,
		`{"state":"working","attempt":3}`:        false,
		`{"state":"submitted","attempt":3}`:      false,
		`{"state":"cancelled","attempt":2}`:      false,
	} {
		o := &office{standing: standing}
		n := taskWorker(t, o, func(context.Context, *Message) error {
			t.Errorf("%s: it was begun", standing)
			return nil
		})
		if err := delegate(t, n, 1, "mesh"); (err != nil) != returned || len(o.reports()) > 0 {
			t.Errorf("%s: %v, %+v", standing, err, o.reports())
		}
	}
}

// A task that is at work while its session is lost is spoken for until it ends.
func TestTaskOutlivesItsSession(t *testing.T) {
	o := &office{more: make(chan struct{}, 1)}
	nodes := []*agenttest.Node{agenttest.New(t, "n1"), agenttest.New(t, "n2")}
	proxies := []*agenttest.Proxy{agenttest.NewProxy(t, nodes[0].URL), agenttest.NewProxy(t, nodes[1].URL)}
	nodes[0].HTTP, nodes[1].HTTP = o.ServeHTTP, o.ServeHTTP
	begun, proceed := make(chan struct{}), make(chan struct{})
	agenttest.Attach(t, through(t, nodes, proxies), AgentConfig{Name: "worker", Description: "sums", Handler: func(ctx context.Context, m *Message) error {
		close(begun)
		<-proceed
		return m.Task().Complete(ctx, 5)
	}})
	nodes[0].Until(t, "attached", func(l []message.Local) bool { return len(l) == 1 && l[0].Description != "" })
	pushing, stop := context.WithCancel(context.Background())
	lost := make(chan message.Receipt, 1)
	go func() {
		r, _ := handOver(pushing, nodes[0], 1, "mesh")
		lost <- r
	}()
	<-begun
	o.mu.Lock()
	o.standing = `{"state":"working","attempt":2}`
	o.mu.Unlock()
	proxies[0].Gone()
	<-o.more
	if r := o.reports(); len(r) != 1 || r[0].State != "working" || r[0].Attempt != 2 || r[0].Agent != "worker" {
		t.Fatalf("it says %+v", r)
	}
	close(proceed)
	<-o.more
	if r := o.reports(); r[1].State != "completed" || string(r[1].Result) != "5" {
		t.Errorf("it ends with %+v", r[1])
	}
	stop()
	if r := <-lost; r.Status != message.Unknown {
		t.Errorf("the node that it was lost with says %+v", r)
	}
}
