package consensus

import "fmt"

// found is what opening a directory sees before it trusts anything.
type found struct {
	// The state file that CURRENT names.
	stateOpens   bool
	mark         mark
	sameBoot     bool
	stateApplied uint64
	stateTerm    uint64
	// The newest snapshot whose checksum holds; 0 where there is none.
	snapIndex   uint64 // the index Raft gave it
	snapApplied uint64 // the index its content has
	snapTerm    uint64 // the term at snapIndex
	// snapInstalled says that it came from the leader.
	snapInstalled bool
	// snapDamaged counts newer snapshots that were set aside.
	snapDamaged int
	// The log; first and last are 0 where it is empty.
	logFirst, logLast uint64
	// logTerm returns the term of an index in the log, 0 where it is not there.
	logTerm func(uint64) uint64
	// logLost is a sentence when the log's own files show lost entries.
	logLost string
}

// source is where the state comes from.
type source uint8

const (
	fromFile     source = iota // the state file as it is
	fromSnapshot               // the snapshot, then the log
	fromNothing                // an empty state, then the log
)

// decision is what to do about the state at open.
type decision struct {
	source source
	// wipe says that the log is of before the installed snapshot and that
	// the node went down before it was emptied.
	wipe bool
	// damaged is a sentence when the log has lost entries it once held.
	damaged string
}

// decide is the open-time table of DESIGN.md. A node that answers an entry to
// the leader promises to keep it, so the log must reach everything that this
// node can prove to have been there: its state and its snapshots.
func decide(f found) decision {
	if f.logLost != "" {
		return decision{damaged: f.logLost}
	}
	if f.superseded() {
		f.logFirst, f.logLast = 0, 0
		f.logTerm = func(uint64) uint64 { return 0 }
		d := decide(f)
		d.wipe = d.damaged == ""
		return d
	}
	trusted := f.stateOpens && (f.mark == markClean || f.sameBoot)
	base := f.snapIndex
	switch {
	case f.logLast == 0 && f.snapIndex == 0 && trusted && f.stateApplied > 0,
		f.logLast == 0 && trusted && f.stateApplied > f.snapIndex:
		return decision{damaged: fmt.Sprintf("the log is empty and the state has entry %d", f.stateApplied)}
	case f.logLast != 0 && trusted && f.logLast < f.stateApplied:
		return decision{damaged: fmt.Sprintf("the log ends at %d and the state has entry %d", f.logLast, f.stateApplied)}
	case f.logLast != 0 && f.logLast < base && f.logFirst <= base:
		return decision{damaged: fmt.Sprintf("the log ends at %d and the snapshot at %d", f.logLast, base)}
	case f.logLast != 0 && f.logFirst > base+1:
		return decision{damaged: fmt.Sprintf("the log begins at %d and the newest whole snapshot ends at %d", f.logFirst, base)}
	case f.logLast == 0 && f.snapDamaged > 0:
		return decision{damaged: "the newest snapshot is damaged and the log does not reach back to an older one"}
	}
	if trusted && f.stateApplied > 0 {
		if t := f.logTerm(f.stateApplied); t != 0 && t != f.stateTerm {
			return decision{damaged: fmt.Sprintf("entry %d of the log is of term %d and the state applied it in term %d", f.stateApplied, t, f.stateTerm)}
		}
	}
	if t := f.logTerm(f.snapIndex); f.snapIndex > 0 && t != 0 && t != f.snapTerm {
		return decision{damaged: fmt.Sprintf("entry %d of the log is of term %d and the snapshot has it in term %d", f.snapIndex, t, f.snapTerm)}
	}
	switch {
	case trusted && f.stateApplied >= f.snapApplied && f.stateApplied > 0:
		return decision{source: fromFile}
	case f.snapIndex > 0:
		return decision{source: fromSnapshot}
	default:
		return decision{source: fromNothing}
	}
}

// superseded says that the newest snapshot was installed over this log, which
// ends before it or has another history there. What such a log holds is in the
// snapshot or was never committed.
func (f *found) superseded() bool {
	if !f.snapInstalled || f.logLast == 0 || f.logFirst > f.snapIndex {
		return false
	}
	return f.logLast < f.snapIndex || f.logTerm(f.snapIndex) != f.snapTerm
}
