package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// healthBody is the answer of GET /health.
type healthBody struct {
	Status         string `json:"status"`
	Version        string `json:"version"`
	UptimeSeconds  int64  `json:"uptime_seconds"`
	ActiveSessions int    `json:"active_sessions"`
}

func healthCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := a.asks(&cobra.Command{
		Use:   "health",
		Short: "Exit 0 if the node answers; for container health checks",
		Long: `health exits 0 if the node answers and 3 if it does not. It needs no credential:
it asks over the local socket, and where that does not answer over the port the
node is configured to listen on, expecting the certificate in the data directory.`,
		Example: "  meshd health\n  HEALTHCHECK CMD [\"/meshd\", \"health\"]",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			h, err := askHealth(ctx, c)
			if err != nil && exit.CodeOf(err) == exit.Unreachable && !c.Remote() {
				if direct, ok := a.direct(cmd); ok {
					defer direct.Close()
					if again, directErr := askHealth(ctx, direct); directErr == nil {
						h, err = again, nil
					}
				}
			}
			if err != nil {
				return err
			}
			p := a.printer()
			return p.Result(h, func() error {
				p.Say("%s, up for %s", output.Clean(h.Status), output.Duration(time.Duration(h.UptimeSeconds)*time.Second))
				return nil
			})
		}),
	})
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait")
	return cmd
}

func askHealth(ctx context.Context, c *caller.Client) (healthBody, error) {
	var h healthBody
	err := c.Do(ctx, caller.Request{Method: "GET", Path: "/health"}, &h)
	return h, err
}

// direct is the way to the local node past its socket: the port it is told to
// listen on, pinned to the certificate in its directory.
func (a *app) direct(cmd *cobra.Command) (*caller.Client, bool) {
	conf, err := config.Load(config.Options{System: a.sys, Flags: config.FromFlags(cmd.Flags())})
	if err != nil {
		return nil, false
	}
	host, port, err := net.SplitHostPort(conf.Listen)
	if err != nil || port == "0" {
		return nil, false
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	pin, err := localPin(conf.Data)
	if err != nil {
		return nil, false
	}
	c, err := caller.New(caller.Options{Node: net.JoinHostPort(host, port), Pin: pin, Version: version()})
	return c, err == nil
}

// localPin is the pin of the certificate in a data directory.
func localPin(data string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(data, "identity", "node.crt"))
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return "", fmt.Errorf("the certificate in %s is damaged", data)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("the certificate in %s is damaged: %w", data, err)
	}
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
