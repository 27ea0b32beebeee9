package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/node/task"
	"github.com/meshd/meshd/test/realmesh"
)

// program is a process beside the nodes that a test started.
type program struct {
	*exec.Cmd
	lines chan string // of its standard output
	errs  *os.File
}

// begin starts a program that ends with the test.
func begin(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(name, args...), lines: make(chan string, 1024)}
	p.Env = append(os.Environ(), env...)
	var err error
	if p.errs, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	p.Stderr = p.errs
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-ended
		_ = p.Wait()
		if said, _ := os.ReadFile(p.errs.Name()); t.Failed() {
			t.Logf("%s %s:\n%s", name, strings.Join(args, " "), lastLines(string(said), 30))
		}
		_ = p.errs.Close()
	})
	return p
}

// says waits for a line of the program with these words.
func (p *program) says(t *testing.T, words ...string) string {
	t.Helper()
	patience := time.After(60 * time.Second)
next:
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("it ended, and did not say %q", words)
			}
			for _, w := range words {
				if !strings.Contains(line, w) {
					continue next
				}
			}
			return line
		case <-patience:
			t.Fatalf("it did not say %q", words)
		}
	}
}

// ends waits until the program says nothing more, as it has ended.
func (p *program) ends(t *testing.T) {
	t.Helper()
	patience := time.After(60 * time.Second)
	for {
		select {
		case _, ok := <-p.lines:
			if !ok {
				return
			}
		case <-patience:
			t.Fatal("it does not end")
		}
	}
}

// slowly is a program of a shell that does tasks: it notes in $BEGUN that it has
// begun one, and ends it with the name it was given once $PROCEED is there.
const slowly = `
while read -r line; do
  case $line in '{"type":"task"'*)
    id=$(printf '%s' "$line" | sed 's/^{"type":"task","id":"\([0-9]*\)".*/\1/')
    attempt=$(printf '%s' "$line" | sed 's/.*"attempt":\([0-9]*\).*/\1/')
    echo "$WHO attempt $attempt" >> "$BEGUN"
    until [ -e "$PROCEED" ]; do sleep 0.1; done
    printf '{"type":"reply","in_reply_to":"%s","body":"%s"}\n' "$id" "$WHO" ;;
  esac
done
`

// workshop is a mesh with agents that do tasks slowly.
type workshop struct {
	t              *testing.T
	key            string
	begun, proceed string
}

func newWorkshop(t *testing.T, key string) *workshop {
	dir := t.TempDir()
	return &workshop{t, key, filepath.Join(dir, "begun"), filepath.Join(dir, "proceed")}
}

// worker attaches an agent of a name, at the first of the nodes that takes it. Those
// called here and there can do the same.
func (w *workshop) worker(who, name string, nodes ...*realmesh.Node) *program {
	w.t.Helper()
	var urls, pins []string
	for _, n := range nodes {
		urls, pins = append(urls, "https://"+n.Address), append(pins, n.Pin())
	}
	p := begin(w.t, []string{"MESHD_KEY=" + w.key, "WHO=" + who, "BEGUN=" + w.begun, "PROCEED=" + w.proceed}, realmesh.Binary(w.t),
		"agent", "run", "--json", "--node", strings.Join(urls, ","), "--pin", strings.Join(pins, ","), "--name", name, "--capability", "slowness of "+strings.Replace(name, "there", "here", 1), "--", "sh", "-c", slowly)
	p.says(w.t, `"attached"`)
	return p
}

// takes waits until so many attempts have begun, and returns who began them.
func (w *workshop) takes(count int, timeout time.Duration) (list []string) {
	w.t.Helper()
	realmesh.Eventually(w.t, timeout, fmt.Sprintf("%d attempts begin", count), func() error {
		noted, _ := os.ReadFile(w.begun)
		if list = strings.Split(strings.TrimSpace(string(noted)), "\n"); len(noted) == 0 || len(list) < count {
			return fmt.Errorf("%q", noted)
		}
		return nil
	})
	return list
}

func (w *workshop) submit(at *realmesh.Node, request map[string]any) task.ID {
	w.t.Helper()
	var made task.Task
	request["body"], request["type"] = "take your time", "slow"
	at.Client(w.key).Want(http.StatusCreated, &made, http.MethodPost, "/tasks", request)
	return made.ID
}

// becomes waits until a task is such.
func (w *workshop) becomes(at *realmesh.Node, id task.ID, timeout time.Duration, what string, such func(task.Task) bool) (is task.Task) {
	w.t.Helper()
	realmesh.Eventually(w.t, timeout, "task "+id.String()+" is "+what, func() error {
		answer, err := at.Client(w.key).Ask(http.MethodGet, "/tasks/"+id.String(), nil)
		if err == nil && answer.Status == http.StatusOK {
			is = task.Task{}
			if err = json.Unmarshal(answer.Body, &is); err == nil && such(is) {
				return nil
			}
		}
		return fmt.Errorf("%s, %w", answer, err)
	})
	return is
}

func working(t task.Task) bool { return t.State == task.Working }

// The node that a worker is at is killed in the middle of a task. The worker goes
// on by another node, and ends it: nobody else has begun it.
func TestAWorkerGoesOnWithoutItsNode(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	w := newWorkshop(t, nodes[0].AdminKey())
	left := others(nodes, nodes[1])
	w.worker("first", "worker", nodes[1], nodes[2])
	id := w.submit(left[0], map[string]any{"agent": "worker", "deadline": "5m"})
	w.takes(1, 20*time.Second)
	w.becomes(left[0], id, 20*time.Second, "in work", working)
	w.worker("second", "worker", nodes[2])
	began := w.becomes(left[0], id, 20*time.Second, "in work", working)
	nodes[1].Kill()
	w.becomes(left[0], id, 60*time.Second, "spoken for", func(t task.Task) bool { return t.Revision > began.Revision })
	if err := os.WriteFile(w.proceed, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	is := w.becomes(left[0], id, 30*time.Second, "done", func(t task.Task) bool { return t.State.Final() })
	if list := w.takes(1, time.Second); is.State != task.Completed || string(is.Result) != `"first"` || is.Attempt != 1 || len(list) != 1 {
		t.Errorf("it is %s by %s at attempt %d; begun by %q", is.State, is.Result, is.Attempt, list)
	}
}

// Workers that die in the middle of a task are found out by their sessions, and
// others do it: of the same name, or of those that can. One that is slow keeps
// its task all the while, though another instance has nothing to do.
func TestTasksOutliveTheirWorkers(t *testing.T) {
	if os.Getenv("MESHD_TEST_LONG") == "" {
		t.Skip("it waits for a minute of grace: set MESHD_TEST_LONG=1")
	}
	t.Parallel()
	nodes := realmesh.Three(t)
	key := nodes[0].AdminKey()
	leader := leaderOf(t, nodes...)
	left := others(nodes, leader)
	at := left[0]

	slow := newWorkshop(t, key)
	slow.worker("one", "patient", left[0])
	slow.worker("two", "patient", left[1])
	kept := slow.submit(at, map[string]any{"agent": "patient", "deadline": "10m"})

	killed := newWorkshop(t, key)
	by := map[string]*program{"first": killed.worker("first", "worker", left[0]), "second": killed.worker("second", "worker", left[1])}
	again := killed.submit(at, map[string]any{"agent": "worker", "deadline": "10m", "max_attempts": 2})

	once := newWorkshop(t, key)
	only := once.worker("only", "single", left[1])
	failed := once.submit(at, map[string]any{"agent": "single", "deadline": "10m", "max_attempts": 1})

	lost := newWorkshop(t, key)
	gone := lost.worker("gone", "here", leader)
	elsewhere := lost.submit(at, map[string]any{"needs": []string{"slowness of here"}, "deadline": "10m"})

	slow.takes(1, 20*time.Second)
	once.takes(1, 20*time.Second)
	lost.takes(1, 20*time.Second)
	who, _, _ := strings.Cut(killed.takes(1, 20*time.Second)[0], " ")
	for _, id := range []task.ID{kept, again, failed, elsewhere} {
		slow.becomes(at, id, 20*time.Second, "in work", working)
	}
	lost.worker("other", "there", left[1])

	begin := time.Now()
	for _, p := range []*program{by[who], only, gone} {
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	leader.Kill()

	if list := killed.takes(2, 3*time.Minute); strings.HasPrefix(list[1], who) || !strings.HasSuffix(list[1], "attempt 2") {
		t.Errorf("%s was killed, and begun is %q", who, list)
	}
	t.Logf("the second attempt began %s after its worker was killed", time.Since(begin).Round(time.Second))
	if list := lost.takes(2, 3*time.Minute); list[1] != "other attempt 2" {
		t.Errorf("after node and worker were killed, begun is %q", list)
	}
	t.Logf("another agent began %s after node and worker were killed", time.Since(begin).Round(time.Second))
	if is := once.becomes(at, failed, 3*time.Minute, "failed", func(t task.Task) bool { return t.State == task.Failed }); is.Error.Code != task.FailedAttempts || !strings.Contains(is.Error.Text, "its worker is gone") {
		t.Errorf("with one attempt it failed with %+v", is.Error)
	}
	for _, w := range []*workshop{slow, killed, lost} {
		if err := os.WriteFile(w.proceed, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for id, attempt := range map[task.ID]int{kept: 1, again: 2, elsewhere: 2} {
		if is := slow.becomes(at, id, 30*time.Second, "done", func(t task.Task) bool { return t.State.Final() }); is.State != task.Completed || is.Attempt != attempt {
			t.Errorf("task %s is %s at attempt %d, want %d", id, is.State, is.Attempt, attempt)
		}
	}
	for w, count := range map[*workshop]int{slow: 1, killed: 2, once: 1, lost: 2} {
		if list := w.takes(count, time.Second); len(list) != count {
			t.Errorf("begun: %q, want %d attempts", list, count)
		}
	}
}
