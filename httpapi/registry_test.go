package httpapi

import (
	"net/http"
	"testing"
)

// What an instance calls itself reaches other people's terminals by way of the
// nodes that hear of it.
func TestAnInstanceWasNamedByEscapeSequences(t *testing.T) {
	cfg := testConfig(t.Output())
	cfg.Registry = struct{ Registry }{} // nothing gets so far
	a := mustBuild(t, cfg)
	for _, body := range []string{
		`{"instance_id":"a\u001b[2J","hostname":"h","port":1}`,
		`{"instance_id":"a","hostname":"h\u0007","port":1}`,
		`{"instance_id":"a","hostname":"h","port":1,"capabilities":["ok","\u202e"]}`,
		`{"instance_id":"a","hostname":"h","port":1,"agent_profiles":["\n"]}`,
	} {
		res := ask(t, a.Handler(), http.MethodPost, "/registry/register", body, "X-API-Key: "+userKey, "Content-Type: application/json")
		if e := refusal(t, res); e.Code != CodeInvalid {
			t.Errorf("%s: %+v", body, e)
		}
	}
}
