package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
)

// recover opens the exchange and turns a panic into a 500 that tells the client
// the request id only. An answer already begun is cut off instead, so that half
// of it is never taken for the whole.
func (a *API) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{
			started:  a.cfg.Now(),
			response: &recorder{ResponseWriter: w, room: a.answers},
			socket:   r.Context().Value(socketKey{}) != nil,
			address:  addressOf(r),
			method:   r.Method,
		}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			a.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "handler panicked",
				slog.String("request_id", x.id), slog.String("route", x.template()),
				slog.String("panic", clip(fmt.Sprint(p), 300)), slog.String("stack", clip(string(debug.Stack()), 8<<10)))
			if x.response.begun() {
				panic(http.ErrAbortHandler)
			}
			Fail(CodeInternal, "").write(x.response, x)
		}()
		next.ServeHTTP(x.response, withExchange(r, x))
		if x.response.cut { // a part of an answer must not be taken for the whole
			a.log.Debug("an answer was cut off", "request_id", x.id, "route", x.template(), "error", errNoAnswerRoom)
			panic(http.ErrAbortHandler)
		}
	})
}

// addressOf is the client's IP without port; forwarding headers are not
// believed, since anybody can send them.
func addressOf(r *http.Request) string {
	if r.Context().Value(socketKey{}) != nil {
		return "socket"
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return clip(r.RemoteAddr, 64)
	}
	return host
}
