package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/graphsync"
)

var plainFrames = []string{
	`{"type":"write","id":"1","ops":[{"op":"update_node","id":7,"properties":{"v":"x"}}]}`,
	` { "ops" : [ {"op":"create_edge","source_id":1,"target":"b","type":"t","weight":-1.5e3,"predicate":"","parallel":4} , {"op":"x","merge":true,"label":"ä","key":"k","source":"s","target_id":2,"if_version":3} ] ,"type":"write","id":"x","session_id":"s","idempotency_key":"k"} `,
	`{"type":"write","id":"1","ops":[{"op":"add_observation","key":"k","text":"ä","valid_from":"2026-01-02T03:04:05.678Z","valid_to":"2027-01-02T03:04:05+02:00","provenance":"","confidence":0.5,"expires_at":"2030-01-01T00:00:00Z"},{"op":"set_vector","node_id":1,"model":"m","vector":[1,-2.5e-3,0]},{"op":"add_alias","alias":"a","reason":"r","days":3,"bytes":4}]}`,
	`{"type":"write","id":"1","ops":[{"op":"update_node","properties":{"a":[1,-0.5,true,null,{"b":"ä\n\""}]}}]}`,
}

// Whatever the short reading takes, the full decoder takes, and as the same.
func FuzzPlainFrame(f *testing.F) {
	for _, s := range append([]string{
		`{"type":"write","id":"1","ops":[]}`, `{"type":"write","id":"1","ops":null}`, `{"Type":"write"}`, `{"type":"a","type":"b"}`,
		`{"ops":[{"op":"x","id":01}]}`, `{"ops":[{"op":"x","id":-1}]}`, `{"ops":[{"properties":[]}]}`, `{"ops":[{"properties":{"a":1,}}]}`,
		`{"ops":[{"properties":{"a":"\x"}}]}`, `{"ops":[{"weight":1e999}]}`, `{"ops":[{"parallel":4294967296}]}`, `{"ops":[{"valid_from":"2026-1-2T03:04:05Z","vector":[1e39]}]}`, `{"ops":[{"valid_to":"2026-01-02T03:04:05,6Z","vector":[]}]}`, `{"id":"` + "\xff" + `"}`, `{} {}`,
		`{"ops":[{"properties":{"":"` + "\xdc" + `"}}]}`, `{"ops":[{"properties":{"a":"\ud800"}}]}`, `{"ops":[{"properties":{"a":{"b":1,"b":1}}}]}`,
	}, plainFrames...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var short, full writeFrame
		if !short.plainly(data) {
			return
		}
		if err := strictly(data, &full); err != nil {
			t.Fatalf("%q: taken, and %v", data, err)
		}
		if !reflect.DeepEqual(short, full) {
			t.Fatalf("%q: read as %+v, is %+v", data, short, full)
		}
	})
}

func TestPlainFramesAreReadTheShortWay(t *testing.T) {
	for _, s := range plainFrames {
		var short, full writeFrame
		if !short.plainly([]byte(s)) {
			t.Errorf("not read: %s", s)
			continue
		}
		if err := strictly([]byte(s), &full); err != nil || !reflect.DeepEqual(short, full) {
			t.Errorf("read as %+v, is %+v (%v)", short, full, err)
		}
	}
}

func TestNodesAreWrittenAsEncodingJSONDoes(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 120_000_000, time.UTC)
	for _, n := range []graphsync.Node{
		{ID: 1, SessionID: "s", NodeType: "t", Label: "plain", Properties: json.RawMessage(`{"a":1}`), Version: 2, CreatedAt: at, UpdatedAt: at.Add(time.Second)},
		{ID: 1 << 39, SessionID: "ä\u2028", NodeType: "t", Label: "<b>&\"\\\n\x7f\xff", Key: "k", Properties: json.RawMessage(`{}`), Version: 1, CreatedBy: "a", UpdatedBy: "b"},
		{Label: strings.Repeat("x", 1024), Properties: json.RawMessage(`{"v":"<>"}`)},
	} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(n); err != nil {
			t.Fatal(err)
		}
		if got := string(appendNode(nil, &n)) + "\n"; got != want.String() {
			t.Errorf("got  %swant %s", got, want.String())
		}
	}
}
