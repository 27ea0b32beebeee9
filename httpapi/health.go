package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/node/identity"
)

type none struct{}

// HealthBody is the answer of /health.
type HealthBody struct {
	Status         string `json:"status" example:"healthy"`
	Version        string `json:"version"`
	UptimeSeconds  int64  `json:"uptime_seconds"`
	ActiveSessions int    `json:"active_sessions"`
}

// PlainText is what a probe that accepts text/plain gets.
func (HealthBody) PlainText() string { return "ok" }

type healthOutput struct{ Body HealthBody }

func (a *API) health(context.Context, *none) (*healthOutput, error) {
	return &healthOutput{HealthBody{
		Status:         "healthy",
		Version:        a.cfg.Version,
		UptimeSeconds:  int64(a.cfg.Now().Sub(a.started) / time.Second),
		ActiveSessions: a.cfg.Health.ActiveSessions(),
	}}, nil
}

// StatusBody is the answer of /livez and /readyz.
type StatusBody struct {
	Status string `json:"status"`
}

// PlainText is what a probe that accepts text/plain gets.
func (StatusBody) PlainText() string { return "ok" }

type statusOutput struct{ Body StatusBody }

// live says that the process answers; a reason to restart it is its silence.
func (a *API) live(context.Context, *none) (*statusOutput, error) {
	return &statusOutput{StatusBody{"alive"}}, nil
}

// ready says whether to send clients here.
func (a *API) ready(context.Context, *none) (*statusOutput, error) {
	if err := a.cfg.Health.Ready(); err != nil {
		return nil, Fail(CodeNotReady, "%s", clip(err.Error(), 200))
	}
	return &statusOutput{StatusBody{"ready"}}, nil
}

type detailOutput struct{ Body map[string]any }

func (a *API) healthDetail(ctx context.Context, _ *none) (*detailOutput, error) {
	d, err := a.cfg.Health.Detail(ctx)
	if err != nil {
		return nil, err
	}
	return &detailOutput{d}, nil
}

type certOutput struct{ Body identity.CertificateInfo }

func (a *API) cert(context.Context, *none) (*certOutput, error) {
	return &certOutput{a.cfg.Certificate()}, nil
}
