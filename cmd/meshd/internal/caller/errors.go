package caller

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// Error is a node's refusal, in the shape of every error of the HTTP surface.
type Error struct {
	Status    int
	Sentence  string         `json:"error"`
	Code      string         `json:"code"`
	Details   map[string]any `json:"details"`
	RequestID string         `json:"request_id"`
	write     bool
}

// Error returns the sentence, the next step the node names, and, where only
// the node's log can say more, the id to look for.
func (e *Error) Error() string { return exit.Join(e.Sentence, e.next()) }

// Told implements exit.Teller.
func (e *Error) Told() exit.Told {
	details := maps.Clone(e.Details)
	delete(details, "next")
	return exit.Told{Error: e.Sentence, Code: e.Code, Next: e.next(), Status: e.Status, RequestID: e.RequestID, Details: details}
}

func (e *Error) next() string {
	next, _ := e.Details["next"].(string)
	if e.Status == http.StatusUnauthorized {
		next = "give one with --key-file or MESHD_KEY; \"meshd apikey create\" on a machine of the mesh makes one"
	}
	if e.Code == "AGENT_ERROR" {
		next = "the agent itself says so"
		if code, _ := e.Details["agent_code"].(string); code != "" {
			next += ", under its code " + code
		}
	}
	if e.Status == http.StatusInternalServerError && e.RequestID != "" {
		next = strings.TrimPrefix(next+"; the request id is "+e.RequestID, "; ")
	}
	return next
}

// ExitCode implements exit.Coder: what the person wrote wrongly is usage, what
// the node decided against is refused, what may have happened is unknown.
func (e *Error) ExitCode() exit.Code {
	reason, _ := e.Details["reason"].(string)
	switch {
	case e.Code == "OUTCOME_UNKNOWN", e.Code == "REPLY_TIMEOUT", e.Code == "TIMEOUT" && e.write:
		return exit.Unknown
	case e.Code == "NODE_UNREACHABLE", reason == "NODE_UNREACHABLE":
		return exit.Unreachable
	}
	switch e.Status {
	case http.StatusBadRequest:
		return exit.Usage
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
		http.StatusTooManyRequests:
		return exit.Refused
	}
	return exit.Failed
}

const maxErrorBody = 64 << 10

// refusal reads the error of an answer that is none.
func refusal(res *http.Response, write bool) *Error {
	e := &Error{write: write}
	data, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
	if json.Unmarshal(data, e) != nil || e.Sentence == "" {
		*e = Error{Sentence: "the node answered " + res.Status, write: write}
	}
	e.Status = res.StatusCode
	if e.Status == http.StatusUnauthorized && res.Request != nil && res.Request.Header.Get("Authorization") == "" {
		e.Sentence = "the node answers only those who have an API key" // its own sentence is for programs
	}
	return e
}

// unreachable turns an error of the connection into a sentence. asked says
// that a write may have reached the node before it broke.
func (c *Client) unreachable(err error, asked bool) error {
	says := func(code exit.Code, sentence, next string) error {
		return &exit.Error{Code: code, Sentence: sentence, Next: next, Err: err}
	}
	var unknownAuthority *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, ErrPin):
		return says(exit.Refused, "the node at "+c.where.String()+" showed another key than the pin names, so nothing was sent",
			"compare --pin with \"meshd cert\" on that machine; somebody may be in between")
	case errors.As(err, &unknownAuthority):
		return says(exit.Refused, "the node at "+c.where.String()+" has a certificate no authority vouches for",
			"name its pin with --pin; \"meshd cert\" on that machine prints it")
	case !dialing(err):
		if asked {
			return says(exit.Unknown, "the connection to "+c.where.String()+" broke before the answer came, so the outcome is not known ("+reason(err)+")",
				"look before you repeat it")
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return says(exit.Unreachable, "the node at "+c.where.String()+" did not answer in time", "\"meshd doctor\" looks for the reason")
		}
		return says(exit.Unreachable, "the connection to "+c.where.String()+" broke ("+reason(err)+")", "repeat it; \"meshd doctor\" looks for the reason")
	case c.where.socket == "":
		return says(exit.Unreachable, "no node answers at "+c.where.host+" ("+reason(err)+")",
			"check the address, the firewall, and that \"meshd serve\" runs there")
	case errors.Is(err, fs.ErrPermission):
		return says(exit.Refused, "this user may not use the socket "+c.where.socket,
			"run it as the owner of the node, or set socket_group in the node's configuration")
	}
	return c.noNode(says)
}

// noNode says what is missing when nobody listens on the socket.
func (c *Client) noNode(says func(exit.Code, string, string) error) error {
	const root = "/var/lib/meshd"
	if c.where.data == "" {
		return says(exit.Unreachable, "no node listens on "+c.where.socket, "start it with \"meshd serve\"")
	}
	if _, err := os.Stat(filepath.Join(c.where.data, "trust")); !errors.Is(err, fs.ErrNotExist) {
		return says(exit.Unreachable, "the node of "+c.where.data+" is not running", "start it with \"meshd serve"+c.where.flag+"\"")
	}
	next := "make a mesh with \"meshd init\", join one with \"meshd join TOKEN\", or name a node with --data or --node"
	if _, err := os.Stat(root); err == nil && c.where.data != root {
		next = "this machine has one in " + root + ": name it with --data " + root + ", as its owner"
	}
	return says(exit.Unreachable, "there is no node in "+c.where.data, next)
}

// dialing says that the error is of making the connection, so that no request
// was sent.
func dialing(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// reason is the innermost text of a network error, which the sentence around
// it makes readable.
func reason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return cmp.Or(dns.Err, "the name cannot be resolved")
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number.Error()
	}
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprint(err)
		}
		err = inner
	}
}
