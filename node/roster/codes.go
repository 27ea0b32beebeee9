package roster

import "github.com/meshd/meshd/consensus"

// Codes of the refusals this package makes. They reach clients unchanged.
const (
	CodeMeshExists      = "MESH_EXISTS"
	CodeMeshMissing     = "MESH_MISSING"
	CodeNodeUnknown     = "NODE_UNKNOWN"
	CodeNodeRemoved     = "NODE_REMOVED"
	CodeNodeAmbiguous   = "NODE_AMBIGUOUS"
	CodeNodeIDTaken     = "NODE_ID_TAKEN"
	CodePinTaken        = "PIN_TAKEN"
	CodeRaftIDTaken     = "RAFT_ID_TAKEN"
	CodeRaftIDChanged   = "RAFT_ID_CHANGED"
	CodeLastMember      = "LAST_MEMBER"
	CodeNotLeaving      = "NOT_LEAVING"
	CodeRemoving        = "REMOVING"
	CodeNameInvalid     = "NAME_INVALID"
	CodeRoleUnsupported = "ROLE_UNSUPPORTED"
	CodeRoleMismatch    = "ROLE_MISMATCH"
	CodeInvalid         = "INVALID"
	CodeTooMany         = "TOO_MANY"
	CodeTokenUnknown    = "TOKEN_UNKNOWN"
	CodeTokenExpired    = "TOKEN_EXPIRED"
	CodeTokenUsedUp     = "TOKEN_USED_UP"
	CodeTokenRevoked    = "TOKEN_REVOKED"
	CodeTokenExists     = "TOKEN_EXISTS"
	CodeShownOnce       = "SHOWN_ONCE"
	CodeUpgradeNode     = "UPGRADE_NODE"
)

func refuse(code, sentence string) error { return consensus.Refuse(code, sentence) }
