package httpapi

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/task"
)

// withdrawing can withdraw one credential.
type withdrawing struct {
	Authenticator
	key  string
	gone atomic.Bool
}

func (w *withdrawing) Authenticate(credential string) (access.Principal, error) {
	if credential == w.key && w.gone.Load() {
		return access.Principal{}, access.ErrBadCredential
	}
	return w.Authenticator.Authenticate(credential)
}

// A poll of an inbox waits for minutes. Who lost the credential or the name
// meanwhile was told the next message all the same.
func TestAPollEndsWithTheCredentialAndTheName(t *testing.T) {
	auth := &withdrawing{key: otherKey}
	a, _ := messageAPI(t, func(c *Config) { auth.Authenticator, c.Auth = c.Auth, auth })
	admin, other := "X-API-Key: "+adminKey, "X-API-Key: "+otherKey
	poll := func(agent string, want int, header string, lose func()) {
		t.Helper()
		claims(t, a, agent, header)
		got := make(chan answer, 1)
		go func() { got <- call(t, a, want, "GET", "/messages/"+agent+"?wait=1m&lease=1m", "", header) }()
		waiting(t, a, agent)
		lose()
		call(t, a, 200, "POST", "/messages", `{"to":"`+agent+`","body":"secret","durable":true}`, admin)
		if e := <-got; strings.Contains(e.text, "secret") {
			t.Errorf("%s: %s", agent, e.text)
		}
	}
	poll("name", 403, "X-API-Key: "+userKey, func() {
		call(t, a, 204, "DELETE", "/agents/name/owner", "", admin)
		claims(t, a, "name", other)
	})
	poll("credential", 401, other, func() { auth.gone.Store(true) })
}

// awaited tells of who begins to wait for a task.
type awaited struct {
	Tasks
	begun chan struct{}
}

func (w *awaited) Wait(ctx context.Context, id task.ID, o consensus.ReadOptions) (task.Task, consensus.ReadInfo, error) {
	w.begun <- struct{}{}
	return w.Tasks.Wait(ctx, id, o)
}

// Who waits for a task, asked for before or in the same request, and loses the
// credential meanwhile is not told what came of it.
func TestAPollOfATaskEndsWithTheCredential(t *testing.T) {
	a := taskAPI(t)
	auth := &withdrawing{Authenticator: a.cfg.Auth, key: workerKey}
	tasks := &awaited{Tasks: a.cfg.Tasks, begun: make(chan struct{})}
	a.cfg.Auth, a.cfg.Tasks = auth, tasks
	worker, admin := "X-API-Key: "+workerKey, "X-API-Key: "+adminKey
	const order = `{"agent":"echo","body":1}`
	call(t, a, 201, "POST", "/tasks", order, worker)
	for id, poll := range map[string][3]string{"1": {"GET", "/tasks/1?wait=1m", ""}, "2": {"POST", "/tasks?wait=1m", order}} {
		got := make(chan answer, 1)
		go func() { got <- call(t, a, 401, poll[0], poll[1], poll[2], worker) }()
		<-tasks.begun
		auth.gone.Store(true)
		call(t, a, 200, "POST", "/tasks/"+id+"/status", `{"agent":"echo","state":"completed","result":"secret"}`, admin)
		if e := <-got; strings.Contains(e.text, "secret") {
			t.Errorf("%s %s: %s", poll[0], poll[1], e.text)
		}
		auth.gone.Store(false)
	}
}
