package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/node/identity"
	"github.com/meshd/meshd/node/message/seal"
)

// What is known of agents' keys is a file with a line for each agent: the mesh's
// id, the agent, the hash of its key, and the day it was first seen. It is
// trusted on first use, as ssh trusts hosts.

// maxKnown bounds that file, in bytes: some ten thousand agents.
const maxKnown = 2 << 20

// knownPath is the file of known agents: beside the node's data or, where there
// is no such directory, with the person's own configuration.
func (a *app) knownPath(cmd *cobra.Command) (string, error) {
	data, err := a.data(cmd)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(data); err == nil && info.IsDir() {
		return filepath.Join(data, "known_agents"), nil
	}
	dir := a.sys.Get("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		if a.sys.Home == "" {
			return "", exit.New(exit.Failed, "there is no directory to remember agents' keys in", "set HOME, or name one with --data")
		}
		dir = filepath.Join(a.sys.Home, ".config")
	}
	return filepath.Join(dir, "meshd", "known_agents"), nil
}

// known is that file as read.
type known struct {
	path  string
	lines []string
}

func readKnown(path string) (*known, error) {
	k := &known{path: path}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, unreadable("the file of known agents", path, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKnown+1))
	switch {
	case err != nil:
		return nil, unreadable("the file of known agents", path, err)
	case len(text) > maxKnown:
		return nil, exit.New(exit.Failed, path+" is larger than "+output.Bytes(maxKnown), "delete what is old in it")
	}
	for line := range strings.Lines(string(text)) {
		k.lines = append(k.lines, strings.TrimRight(line, "\r\n"))
	}
	return k, nil
}

// find returns the hash and the day of an agent's line.
func (k *known) find(mesh, agent string) (hash, day string, at int) {
	for i, line := range k.lines {
		if w := strings.Fields(line); len(w) == 4 && w[0] == mesh && w[1] == agent {
			return w[2], w[3], i
		}
	}
	return "", "", -1
}

// remember writes an agent's line, in place of the one it had.
func (k *known) remember(mesh, agent, hash string, now time.Time) error {
	line := strings.Join([]string{mesh, agent, hash, now.UTC().Format(time.DateOnly)}, " ")
	if _, _, at := k.find(mesh, agent); at >= 0 {
		k.lines[at] = line
	} else {
		k.lines = append(k.lines, line)
	}
	if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
		return fmt.Errorf("remembering the key of %s: %w", agent, err)
	}
	if err := identity.WriteFile(k.path, []byte(strings.Join(k.lines, "\n")+"\n")); err != nil {
		return exit.New(exit.Failed, "the key of "+agent+" cannot be remembered in "+k.path+": "+plainReason(err), "nothing was sent")
	}
	return nil
}

// agentKeyBody is the answer of GET /agents/NAME/key.
type agentKeyBody struct {
	Agent      string    `json:"agent"`
	Recipient  string    `json:"recipient"`
	Key        string    `json:"key"`
	Since      time.Time `json:"since"`
	Generation uint64    `json:"generation"`
	MeshID     string    `json:"mesh_id"`
	Unowned    bool      `json:"unowned,omitempty"`
}

// agentKey asks for an agent's key, and holds it to its own hash.
func agentKey(ctx context.Context, c *caller.Client, agent string) (k agentKeyBody, err error) {
	if err := c.Get(ctx, "/agents/"+url.PathEscape(agent)+"/key", nil, &k); err != nil {
		return k, err
	}
	if seal.CheckRecipient(k.Recipient) != nil || seal.HashOf(k.Recipient) != k.Key {
		return k, exit.New(exit.Failed, "the node's answer about the key of "+agent+" is not one that can be sealed to", "ask another node")
	}
	if k.MeshID == "" {
		k.MeshID = "-"
	}
	return k, nil
}

// sealFor encrypts a body to the key of the agent it goes to, if that is the
// key that is known here.
func (a *app) sealFor(cmd *cobra.Command, c *caller.Client, s *sending, body json.RawMessage) (json.RawMessage, error) {
	agent, _, _ := strings.Cut(s.to, "@")
	path, err := a.knownPath(cmd)
	if err != nil {
		return nil, err
	}
	k, err := agentKey(cmd.Context(), c, agent)
	if err != nil {
		return nil, err
	}
	file, err := readKnown(path)
	if err != nil {
		return nil, err
	}
	hash, day, _ := file.find(k.MeshID, agent)
	switch {
	case hash == k.Key:
	case hash != "" && !s.acceptKey:
		return nil, exit.New(exit.Refused, "the key of "+agent+" has changed: it was "+hash+" since "+day+" and is "+k.Key,
			"ask its owner whether that is right; --accept-key then takes it")
	default:
		if err := file.remember(k.MeshID, agent, k.Key, time.Now()); err != nil {
			return nil, err
		}
		if hash == "" {
			a.printer().Hint("The key of %s is %s; it is remembered in %s.", agent, k.Key, path)
		}
	}
	s.key = k.Key
	sealed, err := seal.Seal(k.Recipient, body)
	if errors.Is(err, seal.ErrTooLarge) {
		return nil, exit.New(exit.Usage, err.Error(), "send less")
	}
	return sealed, err
}
