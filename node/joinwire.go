package node

// What is said over meshd-join/1, in CBOR frames: the joiner sends one
// joinRequest; the admitting node answers any number of joinProgress and ends
// with one whose Done or Refusal is set.

// joinRequest asks to be admitted. Nothing in it is secret: the token's key
// signs it together with the TLS exporter, so it is worth nothing elsewhere.
type joinRequest struct {
	TokenID   string   `cbor:"1,keyasint"`
	MeshID    string   `cbor:"2,keyasint"`
	NodeID    string   `cbor:"3,keyasint"`
	RaftID    string   `cbor:"4,keyasint"`
	Name      string   `cbor:"5,keyasint"`
	Addresses []string `cbor:"6,keyasint"`
	Recipient string   `cbor:"7,keyasint"`
	Version   string   `cbor:"8,keyasint"`
	Level     uint32   `cbor:"9,keyasint"`
	Role      string   `cbor:"10,keyasint"`
	NoVote    bool     `cbor:"11,keyasint"`
	Signature []byte   `cbor:"12,keyasint"`
	// ListenPort lets the admitting node try the address it sees.
	ListenPort int `cbor:"13,keyasint"`
}

// joinProgress is one step of an admission as the admitting node sees it.
type joinProgress struct {
	// Step is one of the Step constants; Text is for people.
	Step string `cbor:"1,keyasint"`
	Text string `cbor:"2,keyasint"`
	// Refusal ends the admission.
	Code string `cbor:"3,keyasint,omitempty"`
	// Roster is a piece of the encoded roster that holds the newcomer; More
	// says that another follows, and the last ends the admission well.
	Roster []byte `cbor:"4,keyasint,omitempty"`
	More   bool   `cbor:"7,keyasint,omitempty"`
	// Name is what the mesh calls the newcomer.
	Name string `cbor:"5,keyasint,omitempty"`
	// Revision is the revision of the admission.
	Revision uint64 `cbor:"6,keyasint,omitempty"`
}

// The proofs of a join, in the order in which they come.
const (
	StepPin      = "pin"
	StepReached  = "reached"
	StepAdmitted = "admitted"
	StepSeen     = "seen"
	StepArriving = "arriving" // again and again
	StepCaughtUp = "caught_up"
	StepVoter    = "voter"
	StepJoined   = "joined"
	StepRetry    = "retry"
)

// rosterPiece keeps a message within what the protocol carries.
const rosterPiece = 48 << 10

// maxRoster bounds the roster that a joiner takes.
const maxRoster = 64 << 20

// pieces cuts the last message of an admission into ones that fit.
func (p joinProgress) pieces() (out []joinProgress) {
	for rest := p.Roster; len(rest) > rosterPiece; rest = p.Roster {
		out = append(out, joinProgress{Roster: rest[:rosterPiece], More: true})
		p.Roster = rest[rosterPiece:]
	}
	return append(out, p)
}
