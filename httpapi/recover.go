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
			streams:  r.ProtoMajor == 2,
		}
		defer a.left(x)
		defer func() {
			p := recover()
			if p == nil || x.response.cut {
				a.finish(x)
				a.seeOff(x)
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			a.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "handler panicked",
				slog.String("request_id", x.id), slog.String("route", x.template()),
				slog.String("panic", clip(fmt.Sprint(p), 300)), slog.String("stack", clip(string(debug.Stack()), 8<<10)))
			if x.response.sent {
				panic(http.ErrAbortHandler)
			}
			x.response.anew()
			Fail(CodeInternal, "").write(x.response, x)
		}()
		next.ServeHTTP(x.response, withExchange(r, x))
	})
}

// finish lets out a status that has no body. An answer that found no room becomes
// a refusal, or is cut off where the client has seen a part of it, which must not
// be taken for the whole.
func (a *API) finish(x *exchange) {
	switch r := x.response; {
	case !r.cut:
		if !r.hijacked && r.status != 0 {
			r.send()
		}
	case r.sent:
		a.log.Debug("an answer was cut off", "request_id", x.id, "route", x.template(), "error", errNoAnswerRoom)
		panic(http.ErrAbortHandler)
	default:
		r.anew()
		noAnswerRoom().write(r, x)
	}
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
