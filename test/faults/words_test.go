package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// problem is an error as clients get it.
type problem struct {
	Error   string         `json:"error"`
	Code    string         `json:"code"`
	Details map[string]any `json:"details"`
	Request string         `json:"request_id"`
}

// What is promised about reads, asked of every node of a running mesh.
func TestReadsSayWhatTheyAre(t *testing.T) {
	t.Parallel()
	w := realmesh.NewWires(t)
	nodes := w.Mesh(3)
	leader := realmesh.Leader(t, nodes...)
	r := newRegister(t, nodes...)
	var edge struct{ ID uint64 }
	id := r.path[strings.LastIndex(r.path, "/")+1:]
	number, _ := strconv.Atoi(id)
	r.at(leader).Want(http.StatusCreated, &edge, http.MethodPost, "/graph/edges",
		map[string]any{"session_id": "register", "source_id": number, "target_id": number, "edge_type": "SELF"})
	routes := []string{
		r.path, "/graph/nodes?session_id=register", "/graph/edges?session_id=register", fmt.Sprintf("/graph/edges/%d", edge.ID),
		"/graph/search?session_id=register&q=r", "/graph/neighbors?session_id=register&id=" + id,
		"/graph/path?session_id=register&from=" + id + "&to=" + id, "/graph/export?session_id=register", "/graph/namespaces",
	}

	t.Run("every route takes them and says its revision and age", func(t *testing.T) {
		for _, n := range nodes {
			for _, route := range routes {
				for _, asked := range []string{"", "consistency=stale", "consistency=stale&max_age=24h", "consistency=leader", "consistency=linearizable", "min_revision=1", "max_age=30s"} {
					a := r.at(n).Want(http.StatusOK, nil, http.MethodGet, join(route, asked), nil)
					if a.Revision() == 0 || age(a) < 0 || age(a) > time.Minute {
						t.Errorf("%s?%s at %s: revision %q, age %q", route, asked, n.Name, a.Header.Get("X-Mesh-Revision"), a.Header.Get("X-Mesh-Age-Ms"))
					}
				}
			}
		}
		realmesh.Eventually(t, 5*time.Second, "the leader's own answer is new", func() error {
			leader = realmesh.Leader(t, nodes...)
			_, a, err := r.read(leader, "")
			if err == nil && age(a) != 0 {
				err = fmt.Errorf("it is %s old", age(a))
			}
			return err
		})
	})

	t.Run("what is wrong is refused by name", func(t *testing.T) {
		for _, c := range []struct{ query, header, code, field string }{
			{"consistency=strong", "", "INVALID", "query.consistency"},
			{"consistency=STALE", "", "INVALID", "query.consistency"},
			{"consistency=stale&max_age=soon", "", "INVALID", "query.max_age"},
			{"max_age=5", "", "INVALID", "query.max_age"},
			{"max_age=0s", "", "INVALID", "query.max_age"},
			{"max_age=-1s", "", "INVALID", "query.max_age"},
			{"max_age=25h", "", "INVALID", "query.max_age"},
			{"max_age=1s&consistency=leader", "", "INVALID", "query.max_age"},
			{"max_age=1s&consistency=linearizable", "", "INVALID", "query.max_age"},
			{"min_revision=-1", "", "INVALID", "query.min_revision"},
			{"min_revision=1.5", "", "INVALID", "query.min_revision"},
			{"min_revision=0x10", "", "INVALID", "query.min_revision"},
			{"min_revision=18446744073709551616", "", "INVALID", "query.min_revision"},
			{"", "latest", "INVALID", "header.X-Mesh-Min-Revision"},
			{"", "-1", "INVALID", "header.X-Mesh-Min-Revision"},
			{"freshness=stale", "", "UNKNOWN_PARAMETER", "query.freshness"},
			{"min_revision=1152921504606846976", "", "AHEAD", ""},
			{"", "1152921504606846976", "AHEAD", ""},
			{"consistency=linearizable&min_revision=1152921504606846976", "", "AHEAD", ""},
		} {
			for _, n := range nodes {
				for _, route := range []string{r.path, "/graph/export?session_id=register"} {
					var headers []string
					if c.header != "" {
						headers = []string{"X-Mesh-Min-Revision", c.header}
					}
					realmesh.Prompt(t, 3*time.Second, "refusing "+join(route, c.query), func() {
						var p problem
						a := r.at(n).Want(http.StatusBadRequest, &p, http.MethodGet, join(route, c.query), nil, headers...)
						if p.Code != c.code || c.field != "" && p.Details["field"] != c.field || p.Error == "" || p.Request == "" {
							t.Errorf("%s?%s %s at %s: %s", route, c.query, c.header, n.Name, a)
						}
					})
				}
			}
		}
	})

	t.Run("a revision handed on is read at any node", func(t *testing.T) {
		for i := range 60 {
			from, to := nodes[i%3], nodes[(i+1+i/3%2)%3]
			r.next++
			n := r.next
			wrote := r.at(from).Want(http.StatusOK, nil, http.MethodPut, r.path, map[string]any{"properties": map[string]any{"n": n}})
			rev := strconv.FormatUint(wrote.Revision(), 10)
			query, headers := "?min_revision="+rev, []string(nil)
			switch i % 3 {
			case 1:
				query, headers = "", []string{"X-Mesh-Min-Revision", rev}
			case 2: // the greater counts
				query, headers = "?min_revision=1", []string{"X-Mesh-Min-Revision", rev}
			}
			if got, a, err := r.read(to, query, headers...); err != nil || got != n || a.Revision() < wrote.Revision() {
				t.Errorf("written %d at %s, %s gives %d (%v, %s)", n, from.Name, to.Name, got, err, a)
			}
			// Without a word, the node that took the write has it.
			if got, a, err := r.read(from, ""); err != nil || got != n {
				t.Errorf("written %d at %s, which gives %d (%v, %s)", n, from.Name, got, err, a)
			}
		}
	})

	t.Run("a node cut off says so in time", func(t *testing.T) {
		alone := without(nodes, leader)[0]
		rest := without(nodes, alone)
		w.Split([]*realmesh.Node{alone}, rest)
		defer w.Heal()
		cut := time.Now()
		var wrote uint64
		realmesh.Eventually(t, 10*time.Second, "the others write", func() error {
			r.next++
			a, err := r.at(leader).Ask(http.MethodPut, r.path, map[string]any{"properties": map[string]any{"n": r.next}})
			if err == nil && a.Status != http.StatusOK {
				err = fmt.Errorf("%s", a)
			}
			wrote = a.Revision()
			return err
		})
		_, a, _ := r.read(alone, "")
		if a.Status != http.StatusOK {
			t.Errorf("a plain read: %s", a)
		}
		have := a.Revision()
		realmesh.Eventually(t, 5*time.Second, "its answers grow old", func() error {
			if _, a, err := r.read(alone, ""); err != nil || age(a) < 200*time.Millisecond {
				return fmt.Errorf("%w: %s old", err, age(a))
			}
			return nil
		})
		var asked sync.WaitGroup
		for _, c := range []struct {
			query  string
			code   string
			within time.Duration
		}{
			{"min_revision=" + strconv.FormatUint(wrote, 10), "BEHIND", 6 * time.Second},
			{"min_revision=" + strconv.FormatUint(wrote+1000, 10), "BEHIND", 6 * time.Second}, // nobody is there to deny it
			{"consistency=linearizable", "NO_LEADER", 3 * time.Second},
			{"consistency=leader", "NO_LEADER", 3 * time.Second},
			{"max_age=100ms", "BEHIND", time.Second},
			{"max_age=1h", "", time.Second},
			{"min_revision=" + strconv.FormatUint(have, 10), "", time.Second},
		} {
			asked.Go(func() {
				realmesh.Prompt(t, c.within, "answering "+c.query, func() { r.answers(t, alone, c.query, c.code, cut) })
			})
		}
		asked.Wait()
		// One that waits for the revision gets it when the wires are whole.
		later := make(chan realmesh.Answer, 1)
		go func() {
			a, _ := r.at(alone).Ask(http.MethodGet, r.path+"?min_revision="+strconv.FormatUint(wrote, 10), nil)
			later <- a
		}()
		w.Heal()
		if a := <-later; a.Status != http.StatusOK || a.Revision() < wrote {
			t.Errorf("healed while a read waited: %s", a)
		}
	})
	r.finish(nodes...)
}

// answers asks a node that was cut off at a time, and judges what it says.
func (r *register) answers(t *testing.T, alone *realmesh.Node, query, code string, cut time.Time) {
	least := time.Since(cut) - 2*time.Second
	a, err := r.at(alone).Ask(http.MethodGet, join(r.path, query), nil)
	if err != nil {
		t.Error(err)
		return
	}
	if code == "" && a.Status != http.StatusOK ||
		code != "" && (a.Status != http.StatusServiceUnavailable || a.Code() != code || a.Header.Get("Retry-After") == "") {
		t.Errorf("%s: %s, Retry-After %q", query, a, a.Header.Get("Retry-After"))
	}
	if code == "NO_LEADER" {
		var p problem
		if err := json.Unmarshal(a.Body, &p); err != nil || p.Details["voters_needed"] != 2.0 || p.Details["voters_alive"] == nil || p.Details["unreachable"] == nil {
			t.Errorf("%s: details %v", query, p.Details)
		}
	}
	if got := age(a); code == "" && got < least {
		t.Errorf("%s: the answer is said to be %s old, cut off %s ago", query, got, time.Since(cut))
	}
}

func join(route, query string) string {
	switch {
	case query == "":
		return route
	case strings.Contains(route, "?"):
		return route + "&" + query
	default:
		return route + "?" + query
	}
}
