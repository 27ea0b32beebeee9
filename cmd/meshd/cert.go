package main

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// certBody is the answer of GET /cert.
type certBody struct {
	Fingerprint    string    `json:"fingerprint"`
	SPKISHA256     string    `json:"spki_sha256"`
	CertificatePEM string    `json:"certificate_pem"`
	Subject        string    `json:"subject"`
	SAN            []string  `json:"san"`
	NotBefore      time.Time `json:"not_before"`
	NotAfter       time.Time `json:"not_after"`
}

func certCommand(a *app) *cobra.Command {
	return a.asks(&cobra.Command{
		Use:     "cert",
		Short:   "Show the node's certificate and the pins that clients expect",
		Example: "  meshd cert\n  meshd cert --json | jq -r .certificate_pem > meshd.pem",
		Args:    arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			var out certBody
			if err := c.Do(cmd.Context(), caller.Request{Method: "GET", Path: "/cert"}, &out); err != nil {
				return err
			}
			p := a.printer()
			return p.Result(out, func() error {
				return p.Card([]output.Field{
					{Name: "pin", Value: out.SPKISHA256},
					{Name: "fingerprint", Value: out.Fingerprint},
					{Name: "subject", Value: out.Subject},
					{Name: "names", Value: strings.Join(out.SAN, ", ")},
					{Name: "valid", Value: out.NotBefore.Local().Format(time.DateOnly) + " to " + out.NotAfter.Local().Format(time.DateOnly)},
				})
			})
		}),
	})
}
