package httpapi

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// stamps are what differs by time and by the length of the spelling.
var stamps = regexp.MustCompile(`"2[-0-9T:.]*Z"|at byte [0-9]+`)

// The short way of a hot route and the typed route answer alike, in what they
// refuse too. A space in an unusual place makes no difference; an escape sends a
// request the long way.
func TestShortWayAnswersAsTheLongOneDoes(t *testing.T) {
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"set", "PUT", "/graph/nodes/%d", `{"properties":{"a":1,"%s":[true,null]}}`, 200},
		{"merge", "PUT", "/graph/nodes/%d", `{"properties":{"a":null,"%s":"<ü>"},"merge":true}`, 200},
		{"no such node", "PUT", "/graph/nodes/9%d", `{"properties":{"%s":1}}`, 404},
		{"a bad id", "PUT", "/graph/nodes/x%d", `{"properties":{"%s":1}}`, 400},
		{"a member twice", "PUT", "/graph/nodes/%d", `{"properties":{"%s":1,"b":1,"b":2}}`, 400},
		{"no properties", "PUT", "/graph/nodes/%d", `{"properties":7,"x":"%s"}`, 400},
		{"batch", "POST", "/graph/batch", `{"ops":[{"op":"update_node","id":%d,"properties":{"%s":1}}]}`, 200},
		{"batch refused", "POST", "/graph/batch", `{"ops":[{"op":"update_node","id":%d,"properties":{"%s":1}},{"op":"update_node","id":999,"properties":{}}]}`, 404},
		{"batch of nonsense", "POST", "/graph/batch", `{"ops":[{"op":"up_node","id":%d,"properties":{"%s":1}}]}`, 400},
		{"empty batch", "POST", "/graph/batch", `{"ops":[],"session_id":"%d%s"}`, 400},
		{"not JSON", "PUT", "/graph/nodes/%d", `{"properties":{"%s":1}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			var texts []string
			var headers []http.Header
			for _, spelled := range []string{"b", `\u0062`} {
				a := graphAPI(t)
				id := makeNode(t, a, "Ada", "")
				path, body := c.path, c.body
				if strings.Contains(path, "%") {
					path, body = fmt.Sprintf(path, id), fmt.Sprintf(body, spelled)
				} else {
					body = fmt.Sprintf(body, id, spelled)
				}
				if spelled != "b" { // an escape in a name of the body itself
					body = strings.Replace(body, `"properties"`, `"\u0070roperties"`, 1)
				}
				got := call(t, a, c.status, c.method, path, body, "X-Request-Id: same")
				texts = append(texts, stamps.ReplaceAllString(got.text, ""))
				got.Header.Del("Date")
				if c.status >= 400 {
					got.Header.Del("Content-Length")
				}
				headers = append(headers, got.Header)
			}
			if texts[0] != texts[1] {
				t.Errorf("short: %slong:  %s", texts[0], texts[1])
			}
			if a, b := fmt.Sprint(headers[0]), fmt.Sprint(headers[1]); a != b {
				t.Errorf("short: %s\nlong:  %s", a, b)
			}
		})
	}
}
