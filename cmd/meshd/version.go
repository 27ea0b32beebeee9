package main

import (
	"cmp"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// release is set by the linker for releases:
// -ldflags "-X main.release=v1.2.3".
var release string

// version is the version in one word, for nodes to tell each other.
func version() string { return buildVersion().Version }

// versionInfo is what `version --json` prints.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// buildVersion reads what the toolchain left in the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			v.Version = cmp.Or(v.Version, info.Main.Version)
		}
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				v.Commit = s.Value
			case "vcs.time":
				v.Time = s.Value
			case "vcs.modified":
				v.Modified = s.Value == "true"
			}
		}
	}
	v.Version = cmp.Or(v.Version, "devel")
	return v
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Say which meshd this is",
		Example: "  meshd version",
		Args:    arguments,
		RunE: func(*cobra.Command, []string) error {
			v, p := buildVersion(), a.printer()
			return p.Result(v, func() error {
				commit := v.Commit
				if v.Modified {
					commit += " and changes"
				}
				return p.Card([]output.Field{
					{Name: "version", Value: v.Version},
					{Name: "commit", Value: commit},
					{Name: "time", Value: v.Time},
					{Name: "built with", Value: v.Go + " for " + v.OS + "/" + v.Arch},
				})
			})
		},
	}
}
