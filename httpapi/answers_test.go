package httpapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
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
// memory. Whoever comes when that is full is refused, and cut off where a part of
// the answer has been sent, which is not to be taken for the whole.
func TestAnswersThatNobodyReadsAreBounded(t *testing.T) {
	route := func(path string, size int) Entry {
		return Plain(Route{Method: "GET", Path: path, Role: access.RoleViewer}, func(c *gin.Context) {
			c.Data(http.StatusOK, "text/plain", make([]byte, size))
		})
	}
	late := Plain(Route{Method: "GET", Path: "/late", Role: access.RoleViewer}, func(c *gin.Context) {
		c.Data(http.StatusOK, "text/plain", make([]byte, 10))
		_, _ = c.Writer.Write(make([]byte, 2*largeAnswer))
	})
	panics := Plain(Route{Method: "GET", Path: "/panics", Role: access.RoleViewer}, func(c *gin.Context) {
		if _, err := c.Writer.Write(make([]byte, 2*largeAnswer)); err != nil {
			panic(err) // as the library of the typed routes does
		}
	})
	a := mustBuild(t, testConfig(io.Discard), route("/large", 2*largeAnswer), route("/small", largeAnswer), late, panics)
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
	for _, path := range []string{"/large", "/panics"} {
		w := httptest.NewRecorder()
		if cut := ask(w, path); cut || w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), CodeOverloaded) {
			t.Errorf("%s: cut: %t, %d %s; there is no room for it", path, cut, w.Code, clip(w.Body.String(), 200))
		}
	}
	if w := httptest.NewRecorder(); !ask(w, "/late") || w.Body.Len() != 10 {
		t.Error("an answer of which a part was sent ended as if it were whole")
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
