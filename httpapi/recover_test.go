package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
)

func TestPanicTellsTheRequestIDOnly(t *testing.T) {
	var logs lockedBuffer
	h := mustBuild(t, testConfig(&logs), Plain(Route{Method: "GET", Path: "/panic", Role: access.RoleViewer}, func(c *gin.Context) {
		c.Header("Content-Length", "7")
		panic("the reason")
	})).Handler()
	res := ask(t, h, "GET", "/panic", "", "X-API-Key: "+viewerKey, "X-Request-Id: my-id")
	e := refusal(t, res)
	if e.Code != CodeInternal || e.RequestID != "my-id" || strings.Contains(e.Sentence, "reason") || res.Header.Get("Content-Length") != "" {
		t.Errorf("%+v %v", e, res.Header)
	}
	for _, want := range []string{"the reason", `"request_id":"my-id"`, "recover_test.go", `"status":500`} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// Half an answer must look broken, not whole.
func TestPanicAfterTheBeginningCutsTheAnswer(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard), Plain(Route{Method: "GET", Path: "/half", Role: access.RoleViewer}, func(c *gin.Context) {
		c.String(http.StatusOK, "half of it")
		c.Writer.Flush()
		panic("too late")
	}))
	url, client := serveTLS(t, a)
	req, err := http.NewRequest("GET", url+"/half", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", viewerKey)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the answer %q ended well", body)
	}
}
