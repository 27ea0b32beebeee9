package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// Errors to branch on with errors.Is. They come wrapped in sentences.
var (
	// ErrUnreachable: no address of the node answered, or none is known.
	// Nothing was sent; with it comes ErrConnectionRefused, ErrTimeout,
	// ErrNoSuchHost or ErrPinMismatch for what the addresses did.
	ErrUnreachable       = errors.New("the node cannot be reached")
	ErrConnectionRefused = errors.New("the connection was refused")
	ErrTimeout           = errors.New("there was no answer in time")
	ErrNoSuchHost        = errors.New("the name cannot be resolved")
	// ErrPinMismatch: what answered proved another key. Nothing was sent.
	ErrPinMismatch = errors.New("another key answered than the one expected")
	// ErrNotMeshd: what answered does not speak the protocol.
	ErrNotMeshd = errors.New("what answered is not meshd of this version")
	// ErrRemoved: the other side says that this node was removed.
	ErrRemoved = errors.New("this node was removed from the mesh")
	// ErrNotMember: one of the two does not know the other.
	ErrNotMember  = errors.New("not a member of the mesh")
	ErrWrongMesh  = errors.New("the node belongs to another mesh")
	ErrNotReplica = errors.New("not a replica of the state")
	// ErrNotReady: the other node has not opened this protocol yet.
	ErrNotReady = errors.New("the node is not ready for this protocol")
	// ErrNoTraffic: one of the two ends knew of no Traffic when it was connected.
	ErrNoTraffic = fmt.Errorf("%w: its software takes no messages of this version, update it", ErrNotReady)
	// ErrLost: the connection broke after the call was sent and before its
	// answer: it may or may not have taken effect.
	ErrLost     = errors.New("the connection broke before the answer")
	ErrTooLarge = errors.New("the body is larger than a frame may be")
	ErrClosed   = errors.New("the port is closed")
)

// Codes of RemoteError that this package makes itself. CodeOverloaded and
// CodeUnknownMethod mean that the call did nothing, CodeInternal and
// CodeTimeout that it may have.
const (
	CodeInternal      = "INTERNAL"
	CodeOverloaded    = "OVERLOADED"
	CodeUnknownMethod = "UNKNOWN_METHOD"
	CodeTimeout       = "TIMEOUT"
)

// RemoteError is an error that a handler on the other node answered with. A
// handler that returns one, or a *consensus.Refusal, gives its caller the same
// code; any other error arrives as CodeInternal and tells nothing.
type RemoteError struct {
	Code     string            `cbor:"1,keyasint"`
	Sentence string            `cbor:"2,keyasint"`
	Details  map[string]string `cbor:"3,keyasint,omitempty"`
}

// Error returns the sentence.
func (e *RemoteError) Error() string { return e.Sentence }

// crossing turns a handler's error into what may be told to the other side;
// hidden says that the error was hidden and belongs in the log.
func crossing(err error) (remote *RemoteError, hidden bool) {
	var refusal *consensus.Refusal
	switch {
	case errors.As(err, &remote):
		return remote, false
	case errors.As(err, &refusal):
		return &RemoteError{Code: refusal.Code, Sentence: refusal.Sentence, Details: refusal.Details}, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &RemoteError{Code: CodeTimeout, Sentence: "the other node did not finish in time"}, false
	}
	return &RemoteError{Code: CodeInternal, Sentence: "the other node failed; its log says why"}, true
}

// CodeOf is the code and the sentence of an error for whoever is on the other
// side; an error that is no refusal becomes CodeInternal and tells nothing.
func CodeOf(err error) (code, sentence string) {
	remote, _ := crossing(err)
	return remote.Code, remote.Sentence
}

// Attempt is what came of one address.
type Attempt struct {
	Address string
	Err     error
}

// DialError says what each address of a node did. It is ErrUnreachable and
// also each of the attempts' errors.
type DialError struct {
	// Node is empty where an address was dialled and no node.
	Node     identity.NodeID
	Attempts []Attempt
}

// Error is a sentence that tells every address.
func (e *DialError) Error() string {
	who := "no address answers as expected"
	if e.Node != "" {
		who = "node " + e.Node.Short() + " cannot be reached"
	}
	if len(e.Attempts) == 0 {
		return who + ": it has no address"
	}
	parts := make([]string, 0, len(e.Attempts))
	for _, a := range e.Attempts {
		parts = append(parts, a.Address+": "+a.Err.Error())
	}
	return who + " (" + strings.Join(parts, "; ") + ")"
}

// Unwrap makes errors.Is see ErrUnreachable and every attempt.
func (e *DialError) Unwrap() []error {
	all := []error{ErrUnreachable}
	for _, a := range e.Attempts {
		all = append(all, a.Err)
	}
	return all
}

// classify names what went wrong on the way to an address.
func classify(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, ErrPinMismatch), errors.Is(err, ErrNotMeshd), errors.Is(err, ErrNotMember):
		return err
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &op) && op.Op == "dial" && errors.Is(err, syscall.ECONNRESET):
		return ErrConnectionRefused
	case errors.As(err, &dns) && !dns.IsTimeout:
		return fmt.Errorf("%w: %w", ErrNoSuchHost, err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return ErrTimeout
	}
	switch remoteAlert(err) {
	case "bad certificate", "unknown certificate", "certificate required":
		return fmt.Errorf("%w: the other side does not know this node's key", ErrNotMember)
	case "no application protocol", "protocol version not supported":
		return ErrNotMeshd
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return fmt.Errorf("the connection was closed: %w", err)
	}
	return err
}

// Reason is why a node cannot be reached in half a sentence without addresses
// or keys, for whoever is not to read the log.
func Reason(err error) string {
	for _, known := range []error{
		ErrRemoved, ErrWrongMesh, ErrPinMismatch, ErrNoTraffic, ErrNotMember, ErrNotReady, ErrNotMeshd,
		ErrConnectionRefused, ErrTimeout, ErrNoSuchHost,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout.Error()
	case errors.Is(err, ErrClosed):
		return "this node is stopping"
	}
	return "there is no connection to it"
}

// remoteAlert returns the text of a TLS alert the other side sent. crypto/tls
// has no exported type for it outside QUIC.
func remoteAlert(err error) string {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" || op.Err == nil {
		return ""
	}
	return strings.TrimPrefix(op.Err.Error(), "tls: ")
}
