// Package access keeps who may ask this mesh for what: API keys and their
// roles, replicated, so that a key made at one node opens every node.
//
// It does not know HTTP, and it is not the policy: it says who a caller is and
// whether one role includes another. The proof between nodes is not here but
// in their keys and the roster.
//
// It promises that a secret exists once, in the answer to the one who made it:
// neither the log nor the state nor a backup holds more than its SHA-256, and
// nothing here logs it. Comparisons take the same time whatever is wrong.
package access

import (
	"errors"

	"github.com/meshd/meshd/consensus"
)

// Role is what a principal is allowed in general.
type Role string

// The roles. RoleAdmin includes all others; RoleUser reads, writes and runs
// agents; RoleViewer reads; RoleAgent speaks for agents and reads.
const (
	RoleAdmin  Role = "admin"
	RoleUser   Role = "user"
	RoleViewer Role = "viewer"
	RoleAgent  Role = "agent"
)

// includes lists for each role the roles whose rights it has.
var includes = map[Role][]Role{
	RoleAdmin:  {RoleAdmin, RoleUser, RoleViewer, RoleAgent},
	RoleUser:   {RoleUser, RoleViewer, RoleAgent},
	RoleViewer: {RoleViewer},
	RoleAgent:  {RoleAgent, RoleViewer},
}

// Allows says whether r may do what needs the role need. An unknown role
// allows nothing and is allowed to nobody.
func (r Role) Allows(need Role) bool {
	for _, have := range includes[r] {
		if have == need {
			return true
		}
	}
	return false
}

// Valid says whether r is one of the roles.
func (r Role) Valid() bool { return includes[r] != nil }

// Kinds of principals.
const (
	KindOperator = "operator" // the local operator, by the socket's permissions
	KindEnv      = "env"      // the holder of the key in the node's environment
	KindKey      = "apikey"   // the holder of a replicated key
)

// Principal is who asks.
type Principal struct {
	// ID is the key's id, "operator" or "env".
	ID   string
	Name string
	Role Role
	// Scopes narrow the role; none is no narrowing. They must not be changed.
	Scopes []string
	Kind   string
}

// Ids of principals that are no keys.
const (
	operatorID = "operator"
	envID      = "env"
)

// Operator is whoever can open the node's local socket.
func Operator() Principal {
	return Principal{ID: operatorID, Name: "operator", Role: RoleAdmin, Kind: KindOperator}
}

// Errors of Authenticate. ErrBadCredential does not say what was wrong: that
// would help only those who guess.
var (
	ErrNoCredential  = errors.New("a credential is needed")
	ErrBadCredential = errors.New("the credential is not valid")
)

// Codes of the refusals this package makes. They reach clients unchanged.
const (
	CodeKeyUnknown      = "KEY_UNKNOWN"
	CodeKeyExists       = "KEY_EXISTS"
	CodeNameInvalid     = "NAME_INVALID"
	CodeScopeInvalid    = "SCOPE_INVALID"
	CodeRoleUnsupported = "ROLE_UNSUPPORTED"
	CodeInvalid         = "INVALID"
	CodeTooMany         = "TOO_MANY"
	CodeShownOnce       = "SHOWN_ONCE"
	CodeUpgradeNode     = "UPGRADE_NODE"
)

func refuse(code, sentence string) error { return consensus.Refuse(code, sentence) }
