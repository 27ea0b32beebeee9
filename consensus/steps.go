package consensus

// Points between two operations on files at which a test can end the process:
// what must be on disk by then is, what comes after is not.
const (
	atSnapshotWritten = "snapshot written" // under its temporary name
	atSnapshotNamed   = "snapshot named"
	atStateBuilt      = "state built" // a restored state, CURRENT names the old one
	atStateTurned     = "state turned"
)

func noStep(string) error { return nil }
