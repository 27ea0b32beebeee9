package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/logging"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/httpapi"
	"github.com/meshd/meshd/node"
	"github.com/meshd/meshd/node/socket"
	"github.com/meshd/meshd/node/wire"
)

// nodeFlags are the configuration keys of the verbs that run a node.
var nodeFlags = []string{"listen", "advertise", "name", "socket_group", "log.level", "log.format"}

// logs opens the log of a verb that runs a node. The caller calls the returned
// function last.
func (a *app) logs(c *config.Config) (*slog.Logger, func()) {
	log, queue := logging.New(logging.Options{
		Writer: a.err, Level: c.Log.Level, Format: c.Log.Format, Terminal: output.IsTerminal(a.err),
	})
	return log, func() { _ = queue.Close(2 * time.Second) }
}

// nodeConfig is what the configuration means to the node.
func nodeConfig(ctx context.Context, c *config.Config, log *slog.Logger) (node.Config, error) {
	key := ""
	if !c.APIKey.IsZero() {
		var err error
		if key, err = interruptible(ctx, c.APIKey.Reveal); err != nil {
			return node.Config{}, err
		}
	}
	return node.Config{
		Data: c.Data, Listen: c.Listen, Advertise: c.Advertise, Name: c.Name, Peers: c.Peer,
		APIKey: key, Version: version(), WantVoters: c.Voters, LeaderTimeout: c.LeaderTimeout, TraceShare: c.Trace.Sample, Logger: log,
	}, nil
}

// serve gives a node its HTTP surface on the port and on the local socket, and
// runs it until ctx ends or the node stops by itself.
func (a *app) serve(ctx context.Context, n *node.Node, c *config.Config, log *slog.Logger) (err error) {
	open := true
	defer func() {
		if open {
			err = errors.Join(err, n.Close())
		}
	}()
	api, err := httpapi.New(httpapi.Config{
		Version: version(), Auth: n, Health: n, Certificate: n.Certificate, Hosts: n.Hosts, NoLeader: n.NoLeader,
		Mesh: n, Keys: n.Keys(), Messages: n, Inboxes: n.Inboxes(), Agents: n.AgentServer(), Registry: n, Graph: n.Graph(), Watches: n.Graph(), Sync: n.Graph().Sync(n.MeshID()), MeshID: n.MeshID(), Memory: n.Graph(), Backups: n, Insight: n, Events: n.Events(), Tasks: n.Tasks(), Proposals: n.Proposals(), NodeID: n.Self().ID, KeyChanged: n.AgentKeyChanged, Settle: n.Settle,
		Gatherer: n.Registry(), Registerer: n.Registry(), Correlate: wire.WithRequestID, Origins: c.CORS.Origins, RequestIDHeader: c.HTTP.RequestIDHeader,
		ExtraHosts: c.HTTP.Hosts, MaxBody: c.Limits.Body, Timeout: c.Limits.Request, Logger: log.With("part", "http"),
	})
	if err != nil {
		return err
	}
	local, err := socket.Listen(c.Data, c.SocketGroup)
	if err != nil {
		return err
	}
	open = false
	defer os.Remove(local.Addr().String())
	operator := &http.Server{Handler: api.SocketHandler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	go func() { _ = operator.Serve(local) }()
	go paceCollector(ctx)
	n.SetHandler(api.Handler())
	log.Info("serving", "url", n.URL(), "node", n.Name(), "mesh", n.MeshName(), "ready_ms", n.ReadyAfter().Milliseconds())

	var end error
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case <-n.Done():
		end = n.Err()
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := api.Close(closing); err != nil {
		log.Debug("requests were cut off", "error", err)
	}
	if err := operator.Shutdown(closing); err != nil {
		_ = operator.Close()
	}
	if err := n.Close(); err != nil {
		log.Warn("closing the node", "error", err)
	}
	switch {
	case errors.Is(end, node.ErrLeft):
		return cleared(c.Data, log)
	case errors.Is(end, node.ErrRemoved):
		return &exit.Error{Code: exit.Refused, Sentence: end.Error(), Err: end}
	}
	return end
}

// cleared ends a node that has left its mesh.
func cleared(data string, log *slog.Logger) error {
	log.Info("left the mesh")
	return node.Forget(data)
}

// asExit gives the errors of the node their exit codes.
func asExit(err error) error {
	var refusal *consensus.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refusal):
		return &exit.Error{Code: exit.Refused, Sentence: refusal.Sentence, Err: err}
	case errors.Is(err, node.ErrUnreachable):
		return &exit.Error{Code: exit.Unreachable, Sentence: err.Error(), Err: err}
	}
	return err
}

// running makes the frame of a verb that runs a node: configuration, log, and
// the errors' exit codes.
func (a *app) running(cmd *cobra.Command, run func(ctx context.Context, c *config.Config, nc node.Config, log *slog.Logger) error) error {
	c, err := a.config(cmd)
	if err != nil {
		return err
	}
	log, flush := a.logs(c)
	defer flush()
	nc, err := nodeConfig(cmd.Context(), c, log)
	if err != nil {
		return err
	}
	return asExit(run(cmd.Context(), c, nc, log))
}
