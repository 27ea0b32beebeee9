package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
)

// laterRead is a client that reads its answer once it is let.
type laterRead struct {
	*httptest.ResponseRecorder
	writing, read chan struct{}
}

func (l laterRead) Write(p []byte) (int, error) {
	close(l.writing)
	<-l.read
	return l.ResponseRecorder.Write(p)
}

// Clients that do not read their answers hold a bounded part of the node's
// memory. Whoever comes when that is full is cut off, and not given a part of
// an answer as if it were the whole.
func TestAnswersThatNobodyReadsAreBounded(t *testing.T) {
	route := func(path string, size int) Entry {
		return Plain(Route{Method: "GET", Path: path, Role: access.RoleViewer}, func(c *gin.Context) {
			c.Data(http.StatusOK, "text/plain", make([]byte, size))
		})
	}
	a := mustBuild(t, testConfig(io.Discard), route("/large", 2*largeAnswer), route("/small", largeAnswer))
	a.answers.left.Store(3 * largeAnswer)
	ask := func(w http.ResponseWriter, path string) (cut bool) {
		defer func() { cut = recover() != nil }()
		r := httptest.NewRequest("GET", "https://localhost"+path, nil)
		r.Header.Set("X-API-Key", viewerKey)
		a.Handler().ServeHTTP(w, r)
		return false
	}
	slow := laterRead{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan bool)
	go func() { done <- ask(slow, "/large") }()
	<-slow.writing
	if !ask(httptest.NewRecorder(), "/large") {
		t.Error("a second large answer found room where there is none")
	}
	if w := httptest.NewRecorder(); ask(w, "/small") || w.Body.Len() != largeAnswer {
		t.Error("a small answer was cut off")
	}
	close(slow.read)
	if <-done || slow.Body.Len() != 2*largeAnswer {
		t.Error("the answer that had room was cut off")
	}
	if w := httptest.NewRecorder(); ask(w, "/large") || w.Body.Len() != 2*largeAnswer {
		t.Error("the room was not given back")
	}
}
