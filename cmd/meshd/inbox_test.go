package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message/seal"
)

const inboxJSON = `{"messages":[
	{"message_id":"m1","source_instance":"writer","target_instance":"reviewer","message_type":"TaskDelegation","payload":{"n":1},"correlation_id":null,"created_at":"2026-01-01T00:00:00Z","seq":12,"priority":"high","size":7,"attempts":0},
	{"message_id":"m2","source_instance":"writer","target_instance":"reviewer","message_type":{"Custom":"note"},"payload":"two\nlines \u001b[31m","correlation_id":null,"created_at":"2026-01-01T00:00:00Z","seq":13,"priority":"normal","size":9,"attempts":2},
	{"message_id":"m3","source_instance":"writer","target_instance":"reviewer","message_type":{"Custom":""},"payload":null,"correlation_id":null,"created_at":"2026-01-01T00:00:00Z","seq":14,"priority":"normal","size":3145728,"attempts":0}]}`

// TestMessageVerbs holds what the verbs ask for and print.
func TestMessageVerbs(t *testing.T) {
	s := newStandIn(t, map[string]string{
		"POST /messages":                        `{"id":"m1","status":"accepted","known":false}`,
		"GET /messages/reviewer":                inboxJSON,
		"GET /messages/reviewer/dead":           `{"messages":[{"message_id":"m9","source_instance":"writer","message_type":"Query","payload":1,"created_at":"2026-01-01T00:00:00Z","seq":9,"priority":"normal","size":1,"attempts":5,"death":"attempts","reason":"crashed"}]}`,
		"GET /messages/nobody":                  `{"messages":[]}`,
		"GET /messages/heavy":                   `{"messages":[{"seq":1,"source_instance":"w","payload":1,"created_at":"2026-01-01T00:00:00Z"}],"next":"1"}`,
		"GET /messages/reviewer/12/body":        `{"n":1}`,
		"POST /messages/reviewer/ack":           `204 `,
		"POST /messages/reviewer/return":        `204 `,
		"POST /messages/reviewer/dead/redrive":  `{"redriven":2}`,
		"POST /messages/reviewer/dead/drop":     `{"dropped":2}`,
		"DELETE /messages/reviewer":             `{"purged":3}`,
		"GET /agents/reviewer":                  `{"name":"reviewer","hosts":[],"known":true,"owner":"k1","inbox":{"messages":3,"bytes":70,"dead":1,"accepted":5}}`,
		"GET /agents/reviewer/subscriptions":    `{"subscriptions":[{"topic":"builds/*","since":"2026-01-01T00:00:00Z"}]}`,
		"PUT /agents/reviewer/subscriptions":    `{"subscriptions":[]}`,
		"DELETE /agents/reviewer/subscriptions": `204 `,
		"DELETE /agents/reviewer/owner":         `204 `,
		"PUT /agents/reviewer/owner":            `{"name":"reviewer","owner":"k1"}`,
		"PUT /agents/free/subscriptions":        `{"subscriptions":[],"unowned":true}`,
	})
	for _, c := range []struct {
		args  string
		code  int
		asked string // the last request
		out   []string
		err   string
	}{
		{"send reviewer hi --durable --id m1 --type note --ttl 1h --delay 5s --priority low --from writer --conversation c --max-attempts 3 --redelivery 1m", 0,
			`POST /messages {"body":"hi","conversation":"c","delay":"5s","durable":true,"from":"writer","id":"m1","max_attempts":3,"priority":"low","redelivery":"1m0s","to":"reviewer","ttl":"1h0m0s","type":"note"}`,
			[]string{"accepted, as m1; no agent of that name was ever seen"}, ""},
		{"send reviewer hi --sticky --conversation c", 0, `POST /messages {"body":"hi","conversation":"c","sticky":true,"timeout":"30s","to":"reviewer","wait":false}`, nil, ""},
		{"send reviewer \xff\xfe", 2, "", nil, "the body is neither text in UTF-8 nor JSON; spell it as text, for example with base64"},
		{"inbox heavy", 0, "GET /messages/heavy", nil, "--follow shows all"},
		{"inbox heavy --limit 1", 0, "GET /messages/heavy?limit=1", nil, "--limit shows up to 1000"},
		{"inbox reviewer", 0, "GET /messages/reviewer", []string{"12   writer  TaskDelegation", "high", `{"n":1}`, "tried 2 times", "two lines \uFFFD[31m", "(3.0 MiB; --body 14 prints it)"}, ""},
		{"inbox reviewer --lease 1m --limit 1 --wait 2s", 0, "GET /messages/reviewer?lease=1m0s&limit=1&wait=2s", []string{"12"}, ""},
		{"inbox reviewer --ack-all", 0, `POST /messages/reviewer/ack {"seqs":[12,13,14]}`, []string{"12"}, ""},
		{"inbox reviewer --ack 12,job-1", 0, `POST /messages/reviewer/ack {"message_ids":["job-1"],"seqs":[12]}`, []string{"of 2 are removed"}, ""},
		{"inbox reviewer --return 12 --delay 5s --reason busy", 0, `POST /messages/reviewer/return {"delay":"5s","final":false,"reason":"busy","seqs":[12]}`, []string{"0 of 1 are given back."}, ""},
		{"inbox reviewer --dead", 0, "GET /messages/reviewer/dead", []string{"attempts crashed"}, ""},
		{"inbox reviewer --redrive all", 0, `POST /messages/reviewer/dead/redrive {"all":true}`, []string{"2 wait in the inbox again"}, ""},
		{"inbox reviewer --drop 9 --yes", 0, `POST /messages/reviewer/dead/drop {"seqs":[9]}`, []string{"2 are removed for good"}, ""},
		{"inbox reviewer --drop 9", 2, "", nil, "--yes"},
		{"inbox reviewer --purge --yes", 0, "DELETE /messages/reviewer", []string{"3 are dead letters"}, ""},
		{"inbox reviewer --body 12", 0, "GET /messages/reviewer/12/body", []string{`{"n":1}`}, ""},
		{"inbox nobody", 0, "GET /messages/nobody", []string{"nothing waits for nobody"}, ""},
		{"agents show reviewer", 0, "GET /agents/reviewer", []string{"nowhere now", "k1", "3 messages, 70 B", "1 kept"}, ""},
		{"agents topics reviewer", 0, "GET /agents/reviewer/subscriptions", []string{"builds/*"}, ""},
		{"agents topics reviewer --add chat/>", 0, `PUT /agents/reviewer/subscriptions {"topics":["chat/\u003e"]}`, []string{"no topic comes"}, ""},
		{"agents topics reviewer --owner k1", 0, "GET /agents/reviewer/subscriptions", []string{"builds/*"}, ""},
		{"agents topics free --add a", 0, `PUT /agents/free/subscriptions {"topics":["a"]}`, nil, `"meshd agents reserve free --owner ID"`},
		{"agents reserve reviewer --owner k1", 0, `PUT /agents/reviewer/owner {"owner":"k1"}`, []string{"reviewer belongs to k1."}, ""},
		{"agents reserve reviewer", 2, "", nil, "--owner"},
		{"agents release reviewer --yes", 0, "DELETE /agents/reviewer/owner", []string{"belongs to nobody"}, ""},
		{"agents release reviewer --drop --yes", 0, "DELETE /agents/reviewer/owner?inbox=drop", []string{"belongs to nobody"}, ""},
		{"agents release reviewer --keep --yes", 0, "DELETE /agents/reviewer/owner?inbox=keep", []string{"belongs to nobody"}, ""},
		{"agents release reviewer --keep --drop --yes", 2, "", nil, "drop"},
		{"agents release reviewer", 2, "", nil, "--yes"},
	} {
		code, out, errOut := s.meshd("", strings.Fields(c.args)...)
		if code != c.code {
			t.Fatalf("%s: exit %d, want %d; %s", c.args, code, c.code, errOut)
		}
		last := ""
		if len(s.got) > 0 {
			last = s.got[len(s.got)-1]
		}
		if last != c.asked {
			t.Errorf("%s asked %s\nwant  %s", c.args, last, c.asked)
		}
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s printed\n%s\nwithout %q", c.args, out, want)
			}
		}
		if !strings.Contains(errOut, c.err) || c.err == "" && errOut != "" {
			t.Errorf("%s: standard error is %q, want %q", c.args, errOut, c.err)
		}
	}
	if code, out, errOut := s.meshd("", "inbox", "nobody", "--json"); code != 0 || out != "[]\n" {
		t.Errorf("exit %d, %q, %s", code, out, errOut)
	}
	// A lost answer is asked for again under the same id.
	if code, _, _ := s.meshd("", "send", "reviewer", "hi", "--durable"); code != 0 || !strings.Contains(s.got[0], `"id":"`) {
		t.Errorf("exit %d, %v", code, s.got)
	}
}

// A node that did not answer is one of the unknown, however many subscribers it
// has: whoever reads the figure is told.
func TestUnknownOfAPublicationIsExplained(t *testing.T) {
	for counts, want := range map[string]string{
		`{"delivered":2,"refused":0,"unknown":1}`: "delivered to 2, refused by 0, unknown of 1; a node that did not answer counts as one, however many it has",
		`{"delivered":2,"refused":1,"unknown":0}`: "delivered to 2, refused by 1, unknown of 0",
	} {
		s := newStandIn(t, map[string]string{"POST /messages": `{"id":"m1","status":"delivered","counts":` + counts + `}`})
		if code, out, _ := s.meshd("", "send", "topic/a/b", "hi"); code != 0 || strings.TrimSpace(out) != want {
			t.Errorf("%d: %q, want %q", code, out, want)
		}
	}
}

// TestFollowAnInbox: messages come a line each until enough were shown, and are
// removed where that was asked for.
func TestFollowAnInbox(t *testing.T) {
	line := func(seq int, text string) string {
		return fmt.Sprintf(`{"event":"message","id":"%d","data":{"message_id":"m%d","seq":%d,"source_instance":"writer","message_type":"Query","payload":%q,"created_at":"2026-01-01T00:00:00Z","attempts":1}}`+"\n", seq, seq, seq, text)
	}
	s := newStandIn(t, map[string]string{
		"GET /messages/reviewer/stream": `{"event":"bookmark","data":{}}` + "\n" + line(1, "one") + `{"event":"ping","data":null}` + "\n" + line(1, "one") + line(2, "two"),
		"POST /messages/reviewer/ack":   `204 `,
	})
	code, out, errOut := s.meshd("", "inbox", "reviewer", "--follow", "--limit", "2")
	if code != 0 || !strings.Contains(out, "1  writer  Query  one\n") || strings.Count(out, "\n") != 2 {
		t.Errorf("exit %d, %q, %s", code, out, errOut)
	}
	if s.got[0] != "GET /messages/reviewer/stream?only=durable&peek=true" {
		t.Error(s.got)
	}
	code, out, errOut = s.meshd("", "inbox", "reviewer", "--follow", "--ack-all", "--limit", "1", "--json")
	var m map[string]any
	if code != 0 || json.Unmarshal([]byte(out), &m) != nil || m["payload"] != "one" {
		t.Errorf("exit %d, %q, %s", code, out, errOut)
	}
	if len(s.got) != 2 || s.got[0] != "GET /messages/reviewer/stream?limit=1&only=durable" || s.got[1] != `POST /messages/reviewer/ack {"seqs":[1]}` {
		t.Error(s.got)
	}
	s.answers["GET /messages/reviewer/stream"] = `{"event":"cut","data":{"code":"UNAUTHORIZED","error":"the credential is not valid","details":{}}}` + "\n"
	if code, _, errOut := s.meshd("", "inbox", "reviewer", "--follow"); code != 4 || !strings.Contains(errOut, "the credential is not valid") {
		t.Errorf("exit %d, %s", code, errOut)
	}
	s.answers["GET /messages/reviewer/stream"] = `403 {"error":"the agent reviewer belongs to another credential","code":"NOT_YOUR_AGENT","details":{"next":"choose another name"}}`
	if code, _, errOut := s.meshd("", "inbox", "reviewer", "--follow"); code != 4 || !strings.Contains(errOut, "choose another name") {
		t.Errorf("exit %d, %s", code, errOut)
	}
}

// TestSealing: what is sealed here is opened here only, and a key that changed
// is taken on request alone.
func TestSealing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "reviewer.key")
	s := newStandIn(t, map[string]string{"POST /messages": `{"id":"m1","status":"delivered"}`})
	publish := func() string {
		t.Helper()
		s.answers["PUT /agents/reviewer/key"] = `{}`
		code, _, errOut := s.meshd("", "agents", "key", "reviewer", "--generate", path)
		if code != 0 {
			t.Fatalf("exit %d, %s", code, errOut)
		}
		var body struct{ Recipient string }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(s.got[0], "PUT /agents/reviewer/key ")), &body); err != nil {
			t.Fatal(err)
		}
		s.answers["GET /agents/reviewer/key"] = fmt.Sprintf(`{"agent":"reviewer","recipient":%q,"key":%q,"since":"2026-01-01T00:00:00Z","generation":1,"mesh_id":"m"}`, body.Recipient, seal.HashOf(body.Recipient))
		return seal.HashOf(body.Recipient)
	}
	send := func(want int, flags ...string) (body json.RawMessage, key, errOut string) {
		t.Helper()
		code, _, errOut := s.meshd("", append([]string{"send", "reviewer", "the password", "--seal"}, flags...)...)
		if code != want {
			t.Fatalf("exit %d, want %d; %s", code, want, errOut)
		}
		last := s.got[len(s.got)-1]
		if strings.Contains(last, "password") {
			t.Fatal("the body went in the clear")
		}
		var out struct {
			Body   json.RawMessage
			Key    string
			Sealed bool
		}
		if text, ok := strings.CutPrefix(last, "POST /messages "); ok {
			if err := json.Unmarshal([]byte(text), &out); err != nil || !out.Sealed {
				t.Fatal(last, err)
			}
		}
		return out.Body, out.Key, errOut
	}

	first := publish()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	old, key, errOut := send(0)
	if key != first || !strings.Contains(errOut, "is remembered in") {
		t.Error(key, errOut)
	}
	if _, _, errOut := send(0); errOut != "" {
		t.Error(errOut)
	}
	second := publish()
	if _, key, errOut := send(4); key != "" || !strings.Contains(errOut, first) || !strings.Contains(errOut, second) || !strings.Contains(errOut, "--accept-key") {
		t.Error(errOut)
	}
	fresh, key, _ := send(0, "--accept-key")
	if key != second {
		t.Error(key)
	}
	send(0)

	// Both open with the identity, and the list says what could not be.
	known, err := os.ReadFile(filepath.Join(s.data, "known_agents"))
	if err != nil || strings.Count(string(known), "\n") != 1 || !strings.HasPrefix(string(known), "m reviewer "+second+" ") {
		t.Errorf("%q %v", known, err)
	}
	message := `{"message_id":"m","seq":%d,"source_instance":"w","message_type":"Query","payload":%s,"created_at":"2026-01-01T00:00:00Z","sealed":true,"size":9}`
	s.answers["GET /messages/reviewer"] = fmt.Sprintf(`{"messages":[`+message+`,`+message+`,`+message+`]}`, 1, old, 2, fresh, 3, `{"age":"AAAA"}`)
	if code, out, errOut := s.meshd("", "inbox", "reviewer", "--identity", path); code != 0 || strings.Count(out, "the password") != 2 || !strings.Contains(out, "(sealed: the body is not whole") {
		t.Errorf("exit %d, %s%s", code, out, errOut)
	}
	if code, out, _ := s.meshd("", "inbox", "reviewer"); code != 0 || strings.Contains(out, "password") || strings.Count(out, "(sealed)") != 3 {
		t.Errorf("exit %d, %s", code, out)
	}
	code, out, _ := s.meshd("", "inbox", "reviewer", "--identity", path, "--json")
	var list []map[string]any
	if code != 0 || json.Unmarshal([]byte(out), &list) != nil || list[0]["opened"] != "the password" || list[2]["not_opened"] == nil {
		t.Errorf("exit %d, %s", code, out)
	}
	// A node that lies about the key is not believed.
	s.answers["GET /agents/reviewer/key"] = strings.Replace(s.answers["GET /agents/reviewer/key"], second, first, 1)
	if _, key, errOut := send(1); key != "" || !strings.Contains(errOut, "ask another node") {
		t.Error(errOut)
	}
}
