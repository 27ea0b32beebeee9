package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/inbox"
	"github.com/meshd/meshd/node/proposal"
	"github.com/meshd/meshd/node/task"
)

// owners is who owns which agent's name, and nothing else of the inboxes.
type owners struct {
	Inboxes
	mu sync.Mutex
	of map[string]string
}

func (o *owners) Agent(_ context.Context, name string) (inbox.AgentInfo, bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	owner, ok := o.of[name]
	return inbox.AgentInfo{Name: name, Owner: owner}, ok, nil
}

func (o *owners) Claim(_ context.Context, claims []inbox.Claim) ([]inbox.ClaimResult, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of[claims[0].Agent] == "" {
		o.of[claims[0].Agent] = claims[0].Principal
	}
	return []inbox.ClaimResult{{Agent: claims[0].Agent, Owner: o.of[claims[0].Agent]}}, nil
}

func (o *owners) Watch(func([]string)) func() { return func() {} }

// nobodyHere is a node without agents.
type nobodyHere struct{ Messages }

func (nobodyHere) Agents() []node.Agent { return nil }

const (
	workerKey = "mk_worker_s3cretworkers3cret"
	echoKey   = "at_echo_s3cretechos3cretecho"
)

// taskAPI serves tasks and proposals of a state in memory. The agent "worker"
// belongs to the credential with workerKey, and echoKey is for "echo" alone.
func taskAPI(t testing.TB) *API {
	t.Helper()
	return graphAPI(t, withTasks)
}

func withTasks(c *Config) {
	all := keys{
		workerKey: {ID: "worker-key", Role: access.RoleAgent},
		echoKey:   {ID: "echo-key", Role: access.RoleAgent, Scopes: []string{"agent:echo"}},
	}
	for k, v := range testKeys {
		all[k] = v
	}
	c.Auth = all
	c.Messages = nobodyHere{}
	c.Inboxes = &owners{of: map[string]string{"worker": "worker-key", "boss": "user"}}
	tasks, proposals := task.NewPart(), proposal.NewPart()
	state := &onceState{State: consensustest.New(tasks, proposals), seen: map[string]onceAnswer{}}
	c.Tasks = task.NewService(task.Config{State: state, Part: tasks})
	c.Proposals = proposal.NewService(proposal.Config{State: state, Part: proposals})
}

func TestTasksByHTTP(t *testing.T) {
	a := taskAPI(t)
	made := call(t, a, 201, "POST", "/tasks", `{"agent":"worker","type":"sum","body":[2,3],"priority":"high","deadline":"10m","from":"boss"}`, "Idempotency-Key: once")
	if made.body["id"] != "1" || made.body["state"] != "submitted" || made.body["priority"] != "high" || made.body["requester"].(map[string]any)["agent"] != "boss" {
		t.Fatal(made.text)
	}
	if again := call(t, a, 201, "POST", "/tasks", `{"agent":"worker","type":"sum","body":[2,3],"priority":"high","deadline":"10m","from":"boss"}`, "Idempotency-Key: once"); again.body["id"] != "1" || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Error(again.text)
	}
	worker := "X-API-Key: " + workerKey
	call(t, a, 200, "POST", "/tasks/1/status", `{"state":"working","progress":{"text":"adding","percent":50}}`, worker)
	call(t, a, 200, "POST", "/tasks/1/status", `{"state":"input-required","input":"in which base?"}`, worker)
	if got := call(t, a, 200, "GET", "/tasks/1?wait=30s", ""); got.body["question"] != "in which base?" {
		t.Error(got.text)
	}
	call(t, a, 200, "POST", "/tasks/1/input", `{"input":10}`)
	done := call(t, a, 200, "POST", "/tasks/1/status", `{"state":"completed","result":5}`, worker)
	if done.body["state"] != "completed" || done.number(t, "result") != 5 || done.Header.Get("X-Mesh-Revision") == "" {
		t.Error(done.text)
	}
	call(t, a, 201, "POST", "/tasks", `{"needs":["x"],"body":null}`)
	list := items(t, call(t, a, 200, "GET", "/tasks?state=completed,failed&agent=worker&requester=boss", ""), "tasks")
	if len(list) != 1 || list[0]["id"] != "1" || list[0]["result"] != nil {
		t.Errorf("listed %v", list)
	}
	page := call(t, a, 200, "GET", "/tasks?limit=1", "")
	if page.body["next"] != "2" || len(items(t, call(t, a, 200, "GET", "/tasks?cursor=2", ""), "tasks")) != 1 {
		t.Error(page.text)
	}
	if got := call(t, a, 200, "POST", "/tasks/2/cancel", ""); got.body["state"] != "cancelled" {
		t.Error(got.text)
	}
	scores := call(t, a, 200, "GET", "/agents/worker/scores", "", "X-API-Key: "+adminKey)
	if !strings.Contains(scores.text, `"sum":{"tasks":1,"completed":1,"success":0.55`) {
		t.Error(scores.text)
	}
}

func TestWhoMayDoWhatToATask(t *testing.T) {
	a := taskAPI(t)
	worker, echo, agent, viewer, admin := "X-API-Key: "+workerKey, "X-API-Key: "+echoKey, "X-API-Key: "+agentKey, "X-API-Key: "+viewerKey, "X-API-Key: "+adminKey
	call(t, a, 201, "POST", "/tasks", `{"agent":"worker","body":1}`)
	for _, c := range []struct {
		status             int
		code               string
		method, path, body string
		who                string
	}{
		{200, "", "GET", "/tasks/1", "", viewer},
		{200, "", "GET", "/tasks/1", "", worker},
		{404, "TASK_UNKNOWN", "GET", "/tasks/1", "", agent}, // another's, and not told from none
		{404, "TASK_UNKNOWN", "GET", "/tasks/1", "", echo},
		{404, "TASK_UNKNOWN", "GET", "/tasks/9", "", admin},
		{400, "INVALID", "GET", "/tasks/one", "", admin},
		{403, "FORBIDDEN", "POST", "/tasks", `{"agent":"worker","body":1}`, viewer},
		{403, "NOT_YOUR_AGENT", "POST", "/tasks", `{"agent":"worker","body":1,"from":"boss"}`, agent},
		{201, "", "POST", "/tasks", `{"agent":"worker","body":1,"from":"echo"}`, echo},
		{409, "TASK_LOOP", "POST", "/tasks", `{"agent":"echo","body":1,"from":"echo"}`, echo},
		{404, "TASK_UNKNOWN", "POST", "/tasks", `{"agent":"other","body":1,"parent":"1"}`, agent},
		{201, "", "POST", "/tasks", `{"agent":"other","body":1,"parent":"1"}`, worker}, // continues the chain
		{403, "NOT_YOUR_AGENT", "POST", "/tasks/1/status", `{"state":"working","agent":"worker"}`, echo},
		{409, "NOT_ASSIGNED", "POST", "/tasks/1/status", `{"state":"working","agent":"echo"}`, echo},
		{400, "INVALID", "POST", "/tasks/1/status", `{"state":"done"}`, worker},
		{400, "INVALID", "POST", "/tasks/1/status", `{"state":"working","result":1}`, worker},
		{400, "INVALID", "POST", "/tasks/1/status", `{"state":"completed","retryable":true}`, worker},
		{400, "INVALID", "POST", "/tasks/1/status", `{"state":"completed","begin":true}`, worker},
		{409, "TASK_STATE", "POST", "/tasks/1/status", `{"state":"cancelled"}`, worker},
		{403, "NOT_YOUR_TASK", "POST", "/tasks/1/cancel", "", worker},
		{409, "TASK_STATE", "POST", "/tasks/1/input", `{"input":1}`, admin},
		{200, "", "POST", "/tasks/1/cancel", `{"reason":"enough"}`, admin},
		{409, "TASK_ENDED", "POST", "/tasks/1/status", `{"state":"completed"}`, worker},
	} {
		got := call(t, a, c.status, c.method, c.path, c.body, c.who)
		if c.code != "" && got.body["code"] != c.code {
			t.Errorf("%s %s %s: %s, want %s", c.method, c.path, c.body, got.text, c.code)
		}
	}
	child := call(t, a, 200, "GET", "/tasks/3", "", admin)
	if chain := child.body["chain"].([]any); len(chain) != 1 || chain[0] != "worker" || child.body["state"] != "cancelled" {
		t.Errorf("the child is %s", child.text)
	}
	if seen := items(t, call(t, a, 200, "GET", "/tasks", "", echo), "tasks"); len(seen) != 1 || seen[0]["id"] != "2" {
		t.Errorf("an agent sees %v", seen)
	}
}

// The events of a task come in order with their revisions, go on after the one
// a client saw last, and end with the task.
func TestTaskEvents(t *testing.T) {
	a := taskAPI(t)
	server := httptest.NewTLSServer(a.Handler())
	defer server.Close()
	call(t, a, 201, "POST", "/tasks", `{"agent":"worker","body":1}`)
	worker := "X-API-Key: " + workerKey
	call(t, a, 200, "POST", "/tasks/1/status", `{"state":"working"}`, worker)
	follow := func(last string) (next func() (string, string)) {
		req, err := http.NewRequest(http.MethodGet, server.URL+"/tasks/1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-API-Key", userKey)
		req.Header.Set("Accept", mediaSSE)
		if last != "" {
			req.Header.Set("Last-Event-ID", last)
		}
		stream, err := server.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stream.Body.Close() })
		lines := bufio.NewScanner(stream.Body)
		return func() (kind, id string) {
			for lines.Scan() {
				line := lines.Text()
				switch {
				case strings.HasPrefix(line, "id: "):
					id = line[4:]
				case strings.HasPrefix(line, "event: "):
					kind = line[7:]
				case strings.HasPrefix(line, "data: ") && kind == "":
					var e task.Event
					if err := json.Unmarshal([]byte(line[6:]), &e); err != nil {
						t.Fatal(err)
					}
					kind = e.Kind
				case line == "" && id != "":
					return kind, id
				}
			}
			return "closed", ""
		}
	}
	next := follow("")
	kind, _ := next()
	second, id := next()
	if kind != "submitted" || second != "working" {
		t.Fatalf("told %s, then %s", kind, second)
	}
	call(t, a, 200, "POST", "/tasks/1/status", `{"state":"completed","result":1}`, worker)
	for _, want := range []string{"completed", "end", "closed"} {
		if kind, _ := next(); kind != want {
			t.Errorf("told %s, want %s", kind, want)
		}
	}
	next = follow(id)
	for _, want := range []string{"completed", "end", "closed"} {
		if kind, _ := next(); kind != want {
			t.Errorf("after %s told %s, want %s", id, kind, want)
		}
	}
	call(t, a, 404, "GET", "/tasks/2/events", "", "Accept: text/event-stream")
}

func TestProposalsByHTTP(t *testing.T) {
	a := taskAPI(t)
	made := call(t, a, 201, "POST", "/proposals", `{"kind":"policy_change","title":"more tea","body":{"cups":2},"electors":["worker","echo"],"quorum":1,"from":"boss"}`)
	if made.body["id"] != "1" || made.body["state"] != "open" || made.number(t, "electors") != 2 || made.body["quorum"].(json.Number) != "1" {
		t.Fatal(made.text)
	}
	worker, echo := "X-API-Key: "+workerKey, "X-API-Key: "+echoKey
	if e := call(t, a, 403, "POST", "/proposals/1/votes", `{"agent":"worker","choice":"approve"}`, echo); e.body["code"] != "NOT_YOUR_AGENT" {
		t.Error(e.text)
	}
	if e := call(t, a, 403, "POST", "/proposals/1/votes", `{"agent":"boss","choice":"approve"}`); e.body["code"] != "NOT_AN_ELECTOR" {
		t.Error(e.text)
	}
	call(t, a, 400, "POST", "/proposals/1/votes", `{"agent":"worker","choice":"perhaps"}`, worker)
	call(t, a, 200, "POST", "/proposals/1/votes", `{"agent":"worker","choice":"approve","reason":"I am thirsty"}`, worker)
	if got := call(t, a, 200, "POST", "/proposals/1/votes", `{"agent":"echo","choice":"abstain"}`, echo); got.body["state"] != "approved" {
		t.Error(got.text)
	}
	votes := items(t, call(t, a, 200, "GET", "/proposals/1/votes", ""), "votes")
	if len(votes) != 2 || votes[1]["choice"] != "approve" || votes[1]["reason"] != "I am thirsty" || votes[1]["weight"].(json.Number) != "0.5" {
		t.Errorf("the votes are %v", votes)
	}
	if list := items(t, call(t, a, 200, "GET", "/proposals?state=approved&kind=policy_change", ""), "proposals"); len(list) != 1 || list[0]["body"] != nil {
		t.Errorf("listed %v", list)
	}
	if e := call(t, a, 409, "POST", "/proposals/1/votes", `{"agent":"echo","choice":"reject"}`, echo); e.body["code"] != "PROPOSAL_DECIDED" {
		t.Error(e.text)
	}
	call(t, a, 404, "GET", "/proposals/2", "")
	call(t, a, 400, "POST", "/proposals", `{"kind":"k","electors":["a"],"approval":0.2}`)
	call(t, a, 400, "POST", "/proposals", `{"kind":"k","electors":["a"],"quorum":-1}`)
}

// The time that Go calls zero is past like any other: it was taken for no
// deadline at all.
func TestTheOldestDeadlineIsPast(t *testing.T) {
	a := taskAPI(t)
	got := call(t, a, 400, "POST", "/tasks", `{"agent":"worker","body":1,"deadline":"0001-01-01T00:00:00Z"}`)
	if got.body["code"] != "INVALID" || !strings.Contains(got.text, "has passed") {
		t.Error(got.text)
	}
}
