package httpapi

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/strictjson"
)

// sendLarge is the short way of send for bodies of many MiB.
func (a *API) sendLarge(c *gin.Context, body []byte) bool {
	h := c.Request.Header
	in := &sendInput{IdempotencyKey: h.Get("Idempotency-Key"), TraceParent: h.Get("Traceparent")}
	if !a.readLarge(c, body, &in.Body) {
		return true
	}
	if in.Body.Body == nil {
		a.Refuse(c, invalid("body.body", "the field \"body\" is missing"))
		return true
	}
	out, err := a.send(c.Request.Context(), in)
	if err != nil {
		a.Refuse(c, err)
		return true
	}
	answerLarge(c, out.Revision, out.Replayed, marshal(out.Body))
	return true
}

// sendOlderLarge is the short way of sendOlder for bodies of many MiB.
func (a *API) sendOlderLarge(c *gin.Context, body []byte) bool {
	h := c.Request.Header
	in := &olderSendInput{IdempotencyKey: h.Get("Idempotency-Key"), TraceParent: h.Get("Traceparent"), Source: c.Param("source")}
	if !a.readLarge(c, body, &in.Body) {
		return true
	}
	out, err := a.sendOlder(c.Request.Context(), in)
	if err != nil {
		a.Refuse(c, err)
		return true
	}
	answerLarge(c, out.Revision, out.Replayed, marshal(out.Body))
	return true
}

// readLarge decodes a body of many MiB; false: it was refused. What its fields
// may be is for the handlers and the services below, which ask all of it again.
func (a *API) readLarge(c *gin.Context, body []byte, v any) bool {
	for name := range c.Request.URL.Query() {
		name = clip(name, 100)
		a.Refuse(c, Fail(CodeUnknownParameter, "%s", unknownParameter(name)).With("field", "query."+name))
		return false
	}
	if err := strictjson.Decode(body, v); err != nil {
		a.Refuse(c, Fail(CodeInvalid, "the request body is not valid: %s", err.Error()).With("field", "body"))
		return false
	}
	return true
}

func answerLarge(c *gin.Context, revision uint64, replayed string, body []byte) {
	h := c.Writer.Header()
	if revision > 0 {
		h.Set("X-Mesh-Revision", strconv.FormatUint(revision, 10))
	}
	if replayed != "" {
		h.Set("Idempotency-Replayed", replayed)
	}
	c.Status(http.StatusOK)
	sendJSON(c.Writer, append(body, '\n'))
}
