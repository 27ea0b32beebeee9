package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

const traced = `{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","spans":[
 {"span_id":"aaaaaaaaaaaaaaaa","parent_id":"00f067aa0ba902b7","name":"send","node_id":"N1","node":"alpha","started_at":"2030-01-02T15:04:05.000Z","took_us":1500,"attributes":{"to":"adder","agent":"shop"}},
 {"span_id":"bbbbbbbbbbbbbbbb","parent_id":"aaaaaaaaaaaaaaaa","name":"link","node_id":"N1","node":"alpha","started_at":"2030-01-02T15:04:05.0002Z","took_us":1200},
 {"span_id":"cccccccccccccccc","parent_id":"bbbbbbbbbbbbbbbb","name":"deliver","node_id":"N2","node":"beta","started_at":"2030-01-02T15:04:05.0007Z","took_us":400,"code":"AGENT_ERROR"}
],"silent":["gamma"]}`

func TestTraceIsDrawnAsATree(t *testing.T) {
	s := newStandIn(t, map[string]string{"GET /traces/4bf92f3577b34da6a3ce929d0e0e4736": traced})
	code, out, errOut := s.meshd("", "trace", "4bf92f3577b34da6a3ce929d0e0e4736")
	want := `SPAN          NODE   AFTER    TOOK     CODE
send          alpha  0.00 ms  1.50 ms               agent=shop to=adder
 └─ link      alpha  0.20 ms  1.20 ms
    └─ deliver  beta   0.70 ms  0.40 ms  AGENT_ERROR
`
	squeeze := func(s string) string {
		var lines []string
		for line := range strings.Lines(s) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
		return strings.Join(lines, "\n")
	}
	if code != 0 || squeeze(out) != squeeze(want) {
		t.Errorf("%d\n%s\nnot\n%s", code, out, want)
	}
	if !strings.Contains(errOut, "gamma did not answer") {
		t.Errorf("who is silent is not said: %s", errOut)
	}
	if code, out, _ = s.meshd("", "trace", "4bf92f3577b34da6a3ce929d0e0e4736", "--json"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("%d %s", code, out)
	}
}

func TestTraceDrawsEverySpanOnce(t *testing.T) {
	circle := traceBody{Spans: []traceSpan{{SpanID: "a", ParentID: "b"}, {SpanID: "b", ParentID: "a"}, {SpanID: "c", ParentID: "c"}, {SpanID: "d", ParentID: "gone"}}}
	if rows := circle.rows(); len(rows) != 4 {
		t.Errorf("%d lines of 4 spans: %v", len(rows), rows)
	}
}

const topSample = `{"status":{"mesh_name":"home","state":"degraded","revision":120,"node":{"name":"alpha"},"leader":{"name":"beta"},"problems":[{"code":"NODES_FAILED","text":"gamma cannot be seen"}]},
"nodes":[
 {"id":"N1","name":"alpha","role":"voter","status":"alive","revision":118,"answered":true,"uptime_ms":61000,"lag":2,"load":0.5,"connections":7,"agents":2,
  "messages":{"delivered":1000,"refused":5,"unknown":1,"received":300},"links":[{"node_id":"N2","node":"beta","connected":true,"rtt_ms":0.31,"clock_offset_ms":2},{"node_id":"N3","node":"gamma"}]},
 {"id":"N2","name":"beta","role":"voter","leader":true,"status":"alive","revision":120,"answered":true,"uptime_ms":5000,"lag":0,"load":1.5,"connections":0,"agents":1,
  "messages":{"delivered":9},"links":[{"node_id":"N1","node":"alpha","connected":true,"rtt_ms":0.33,"clock_offset_ms":-2}]},
 {"id":"N3","name":"gamma","role":"voter","status":"failed","answered":false,"links":[]}],
"agents":[{"name":"adder","node":"alpha","instances":2,"received":300,"sent":10},{"name":"shop","node":"beta","instances":1,"received":1,"sent":0}],
"inboxes":[{"agent":"printer","messages":12,"bytes":4096,"dead":1,"oldest":"2030-01-02T15:00:00Z"}]}`

func sample(t *testing.T) *topBody {
	t.Helper()
	var b topBody
	if err := json.Unmarshal([]byte(topSample), &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestTopTellsRates(t *testing.T) {
	now, before := sample(t), sample(t)
	// alpha ran two seconds in between; beta has begun anew.
	before.Nodes[0].UptimeMs, before.Nodes[0].Messages.Delivered, before.Nodes[0].Messages.Unknown = 59000, 800, 0
	before.Nodes[1].UptimeMs = 900000
	before.Agents[0].Received = 100
	v := topView{now: now, before: before, at: time.Date(2030, 1, 2, 15, 4, 5, 0, time.UTC)}
	var out bytes.Buffer
	if err := drawTop(&output.Printer{Out: &out}, v); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"home · degraded", "led by beta", "gamma cannot be seen",
		"alpha  alive   voter          118       2       0.5   7        2       100     0         0           1 min",
		"beta   alive   voter, leader  120       0       1.5   0        1                                     5 s",
		"gamma  failed  voter\n",
		"alpha – beta  0.31 ms  +2 ms\n",
		"adder  alpha  2          100         0       300       10\n",
		"shop   beta   1                              1         0\n",
		"printer  12       4.0 KiB  4 min ago  1\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("there is colour without a terminal")
	}
	if strings.Contains(out.String(), "alpha – gamma") {
		t.Error("a link that is not there is shown")
	}
}

func TestTopFitsItsScreen(t *testing.T) {
	now := sample(t)
	for range 200 {
		now.Agents = append(now.Agents, topAgent{Name: strings.Repeat("n", 60), Node: "alpha"})
		now.Inboxes = append(now.Inboxes, topInbox{Agent: "x"})
	}
	var out bytes.Buffer
	if err := drawTop(&output.Printer{Out: &out}, topView{now: now, at: time.Now(), width: 80, height: 24}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "INBOX") || !strings.Contains(out.String(), "more") || strings.Count(out.String(), "\n") > 26 {
		t.Errorf("%d lines:\n%s", strings.Count(out.String(), "\n"), out.String())
	}
	if strings.Contains(out.String(), strings.Repeat("n", 30)) {
		t.Error("a long name takes more than its part")
	}
}

func TestTopWithoutATerminalPrintsOneView(t *testing.T) {
	s := newStandIn(t, map[string]string{"GET /top": topSample})
	code, out, errOut := s.meshd("", "top")
	if code != 0 || !strings.Contains(out, "NODE ") || !strings.Contains(out, "printer") || len(s.got) != 2 {
		t.Errorf("%d %s %s, asked %d times", code, out, errOut, len(s.got))
	}
	code, out, _ = s.meshd("", "top", "--json")
	var v topBody
	if err := json.Unmarshal([]byte(out), &v); code != 0 || err != nil || len(v.Nodes) != 3 || len(s.got) != 1 {
		t.Errorf("%d %v %s", code, err, out)
	}
}
