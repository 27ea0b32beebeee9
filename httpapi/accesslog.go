package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
)

// accessLog writes one line a request and counts it. The line has no query, no
// header and no body; what could be a credential in a path is cut out.
func (a *API) accessLog(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r.Context())
		method, path := boundedMethod(r.Method), r.URL.Path
		panicked := true
		a.figures.inFlight.Inc()
		defer func() {
			a.figures.inFlight.Dec()
			status := x.response.status
			switch {
			case panicked && !x.response.sent && !x.response.cut:
				status = http.StatusInternalServerError
			case status == 0:
				status = http.StatusOK
			}
			took := a.cfg.Now().Sub(x.started)
			a.figures.observe(method, x.template(), status, took)
			// What went well would bury what did not.
			level := slog.LevelDebug
			switch {
			case status >= 500:
				level = slog.LevelWarn
			case status >= 400, x.ended != "" && x.ended != endedGone:
				level = slog.LevelInfo
			}
			if !a.log.Enabled(r.Context(), level) {
				return // most requests go well: their line must cost nothing
			}
			line := []slog.Attr{
				slog.String("request_id", x.id), slog.String("method", method),
				slog.String("route", x.template()), slog.String("path", loggable(path)),
				slog.Int("status", status), slog.Int64("bytes", x.response.bytes),
				slog.Duration("took", took), slog.String("from", x.address), slog.String("caller", x.caller.ID),
			}
			if x.ended != "" {
				line = append(line, slog.String("ended", x.ended))
			}
			a.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", line...)
		}()
		next.ServeHTTP(w, r)
		panicked = false
	})
}

// credentialShape matches the beginnings that credentials have.
var credentialShape = regexp.MustCompile(`(mk_|at_|ic_|mesh1\.|eyJ)[^/]*`)

func loggable(path string) string {
	return clip(credentialShape.ReplaceAllString(clip(path, 200), "$1…"), 200)
}
