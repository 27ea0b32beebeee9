package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
)

// FaultKind is what a Group that failed, or could not be opened, needs.
type FaultKind uint8

const (
	// FaultNone is no fault.
	FaultNone FaultKind = iota
	// FaultState is mended by opening again, which rebuilds the state.
	FaultState
	// FaultFull is mended by room on the disk, then by opening again.
	FaultFull
	// FaultDisk is a device that fails: the node must stop, for nobody can say
	// what of its last writes is there.
	FaultDisk
	// FaultDamaged is a replica that cannot be used under its raft id: the log
	// has lost entries, or the state is not that of the others.
	FaultDamaged
	// FaultNewer is an entry or a file of a newer program.
	FaultNewer
)

// ErrStateDiffers says that this node's state is not what the majority of the
// voters has at the same entry. What was made of it, snapshots included, cannot
// be believed.
var ErrStateDiffers = errors.New("the state of this node differs from that of the others")

// errRebuild marks a state file that is not what was written.
var errRebuild = errors.New("the state file is damaged and will be rebuilt")

// errLog marks the errors that ended the log.
var errLog = errors.New("the log has failed")

// FaultOf tells what an error of Open, or of Fault, needs.
func FaultOf(err error) FaultKind {
	switch {
	case err == nil:
		return FaultNone
	case errors.Is(err, ErrNewer):
		return FaultNewer
	case errors.Is(err, ErrLogDamaged), errors.Is(err, ErrStateDiffers):
		return FaultDamaged
	case isNoSpace(err):
		return FaultFull
	case errors.Is(err, errLog) && isDeviceError(err):
		return FaultDisk
	default:
		return FaultState
	}
}

// Fault returns why this Group can no longer take writes, nil while it can.
func (g *Group) Fault() error { return g.machine.broken() }

// TryWriting makes a small file in dir durable and removes it. A file system
// that takes nothing is found by it before what still reads is closed; the
// error is a FaultDisk where the device fails.
func TryWriting(dir string) error {
	f, err := os.CreateTemp(dir, "trial-*")
	if err == nil {
		_, err = f.Write(make([]byte, 4096))
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if isDeviceError(err) {
		err = fmt.Errorf("%w: %w", errLog, err)
	}
	return err
}

// fromStore says that a panic came out of bbolt, or of a page that the disk did
// not give: not from the code that was reading.
func fromStore(v any, stack []byte) bool {
	if _, ok := v.(storePanic); ok {
		return true
	}
	if _, ok := v.(interface{ Addr() uintptr }); ok { // debug.SetPanicOnFault
		return true
	}
	return bytes.Contains(stack, []byte("go.etcd.io/bbolt."))
}

// storePanic carries such a panic past code that catches its own.
type storePanic struct{ v any }

// salvage, deferred, makes a fault of what the store threw; other panics go on.
// The file is not believed again.
func (m *machine) salvage(err *error) {
	v := recover()
	if v == nil {
		return
	}
	stack := debug.Stack()
	if !fromStore(v, stack) {
		panic(v)
	}
	for p, ok := v.(storePanic); ok; p, ok = v.(storePanic) {
		v = p.v
	}
	if r, ok := v.(rotten); ok {
		m.logger.Error("the state file is damaged", "error", r)
	} else {
		m.logger.Error("the state file is damaged", "panic", fmt.Sprint(v), "stack", string(stack))
	}
	*err = m.damaged(fmt.Errorf("%v", v))
}

// damaged makes a fault of a state file that is not what was written, and
// returns what to answer. The file is not believed again.
func (m *machine) damaged(err error) error {
	broken := fmt.Errorf("%w: %w", errRebuild, err)
	m.distrust()
	m.fail(broken)
	return fmt.Errorf("%w: %w", ErrStateFault, broken)
}

// distrust makes the next open rebuild the state, whatever its file says.
func (m *machine) distrust() {
	path := filepath.Join(m.dir, nameCurrent)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.logger.Error("the state file cannot be set aside", "error", err)
	}
}
