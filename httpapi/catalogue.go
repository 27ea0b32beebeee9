package httpapi

import (
	"net/http"
	"time"
)

// Codes that this package answers with by itself. Route groups and parts of the
// state use further ones; each has its line in the catalogue.
const (
	CodeInternal             = "INTERNAL"
	CodeMalformed            = "MALFORMED"
	CodeInvalid              = "INVALID"
	CodeUnknownField         = "UNKNOWN_FIELD"
	CodeUnknownParameter     = "UNKNOWN_PARAMETER"
	CodeAhead                = "AHEAD"
	CodeUnauthorized         = "UNAUTHORIZED"
	CodeForbidden            = "FORBIDDEN"
	CodeWrongHost            = "WRONG_HOST"
	CodeCrossOrigin          = "CROSS_ORIGIN"
	CodeNotFound             = "NOT_FOUND"
	CodeMethodNotAllowed     = "METHOD_NOT_ALLOWED"
	CodeNotAcceptable        = "NOT_ACCEPTABLE"
	CodeRequestTimeout       = "REQUEST_TIMEOUT"
	CodeConflict             = "CONFLICT"
	CodePreconditionFailed   = "PRECONDITION_FAILED"
	CodeTooLarge             = "TOO_LARGE"
	CodeUnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE"
	CodeRateLimited          = "RATE_LIMITED"
	CodeClientClosed         = "CLIENT_CLOSED"
	CodeNoLeader             = "NO_LEADER"
	CodeOverloaded           = "OVERLOADED"
	CodeBehind               = "BEHIND"
	CodeStateFault           = "STATE_FAULT"
	CodeOutcomeUnknown       = "OUTCOME_UNKNOWN"
	CodeNotReady             = "NOT_READY"
	CodeClosing              = "CLOSING"
	CodeTimeout              = "TIMEOUT"
	CodeDiskFull             = "DISK_FULL"
)

// meaning is one line of the catalogue.
type meaning struct {
	status int
	retry  time.Duration // Retry-After when the refusal names none; 0: no header
	text   string        // the sentence when the refusal brings none
	next   string        // what to do now, given as details.next; may be empty
}

// catalogue is every code a client may be answered with. Codes are promises:
// they may be added, never changed.
var catalogue = map[string]meaning{
	CodeMalformed:            {400, 0, "the request body is not valid JSON", "send one JSON value"},
	CodeInvalid:              {400, 0, "the request is not valid", ""},
	CodeUnknownField:         {400, 0, "the request has a field that is not known here", "remove or rename the field"},
	CodeUnknownParameter:     {400, 0, "the request has a query parameter that is not known here", "remove or rename the parameter"},
	CodeAhead:                {400, 0, "the revision asked for does not exist", "use a revision that this mesh has answered with"},
	"TOKEN":                  {400, 0, "the token is not one that this mesh gives out", "take a snapshot, and go on from its token"},
	"OTHER_FILTER":           {400, 0, "the token was given out for another filter", "take a snapshot with this filter, and go on from its token"},
	"QUERY":                  {400, 0, "the query cannot be answered", ""},
	"QUERY_LIMIT":            {400, 0, "the query would take more than it may", "begin at fewer nodes, bound the length of paths, or use LIMIT"},
	"NAME_RESERVED":          {400, 0, "the name is reserved", "choose another"},
	"TOKEN_INVALID":          {400, 0, "the token is not valid", "copy it again, whole"},
	"UNSUPPORTED":            {400, 0, "that is not supported", ""},
	"TOO_MANY_ERRORS":        {400, 0, "too many lines were refused", "correct the lines and load all of it again; what was loaded stays as it is"},
	"NAME_INVALID":           {400, 0, "the name is not valid", ""},
	"ROLE_UNSUPPORTED":       {400, 0, "the role is not supported", ""},
	"SCOPE_INVALID":          {400, 0, "the scope is not valid", ""},
	"TOO_MANY_RECIPIENTS":    {400, 0, "the message would reach more agents than one message may", "send several, or publish it to a topic that fewer subscribe to"},
	CodeUnauthorized:         {401, 0, "Missing Authorization: Bearer <api_key> header", "send an API key; `meshd apikey create` makes one"},
	"OTHER_MESH":             {403, 0, "that belongs to another mesh", "use a token of this mesh"},
	"PIN_MISMATCH":           {403, 0, "the other side has another key than expected", "make a new token, and ask who answers at that address"},
	CodeForbidden:            {403, 0, "the credential may not do this", "use a credential with the role and scope that it takes"},
	CodeWrongHost:            {403, 0, "this node does not answer to that host name", "use its address, or add the name with --advertise"},
	CodeCrossOrigin:          {403, 0, "requests from pages of that origin are refused", "list the origin in the configuration to allow it"},
	"NODE_REMOVED":           {403, 0, "the node was removed from the mesh", "run `meshd reset` on it and join with a new token"},
	"ROLE_MISMATCH":          {403, 0, "the token is for another role", ""},
	"TOKEN_EXPIRED":          {403, 0, "the token has expired", "make a new one with `meshd token create`"},
	"TOKEN_REVOKED":          {403, 0, "the token was revoked", "make a new one with `meshd token create`"},
	"TOKEN_USED_UP":          {403, 0, "the token is used up", "make a new one with `meshd token create`"},
	"NOT_AN_ELECTOR":         {403, 0, "the agent may not vote on the proposal", "`meshd proposals show ID` lists who may"},
	"NOT_YOUR_TASK":          {403, 0, "the task was asked for by another", "use the credential that asked for it"},
	"NOT_YOUR_AGENT":         {403, 0, "the agent belongs to another credential", "choose another name, use the credential that attached first or one with the scope agent:NAME; an administrator forgets the owner with `meshd agents release NAME`"},
	CodeNotFound:             {404, 0, "there is nothing here", ""},
	"NODE_UNKNOWN":           {404, 0, "no such node", "`meshd members` lists them"},
	"TOKEN_UNKNOWN":          {404, 0, "no such token", "`meshd token list` lists them"},
	"UNKNOWN_ADDRESS":        {404, 0, "no agent has that address", "`meshd agents` lists them"},
	"MESSAGE_UNKNOWN":        {404, 0, "there is no such message in the inbox", "it was acknowledged, has died or is in another inbox; `meshd inbox NAME` and `meshd inbox NAME --dead` show what there is"},
	"NO_SUBSCRIBERS":         {404, 0, "nobody subscribes to the topic", "subscribe before it is published to, or send to an agent"},
	"NO_KEY":                 {404, 0, "the agent has published no key, so nothing can be sealed to it", "its owner publishes one with `meshd agents key NAME --generate FILE`; or send without sealing"},
	"PROPOSAL_UNKNOWN":       {404, 0, "no such proposal", "`meshd proposals` lists them"},
	"TASK_UNKNOWN":           {404, 0, "no such task", "`meshd tasks` lists them"},
	"KEY_UNKNOWN":            {404, 0, "no such key", "`meshd apikey list` shows them"},
	CodeMethodNotAllowed:     {405, 0, "that method is not for this path", "the Allow header lists those that are"},
	CodeNotAcceptable:        {406, 0, "the answer cannot be given in an accepted media type", "accept application/json"},
	CodeRequestTimeout:       {408, 0, "the request body did not arrive in time", ""},
	"PROPOSAL_DECIDED":       {409, 0, "the proposal is decided", "propose another"},
	"TASK_ENDED":             {409, 0, "the task has ended", "give another"},
	"TASK_STATE":             {409, 0, "the task is in another state than that needs", "`meshd tasks show ID` says how it is"},
	"TASK_LOOP":              {409, 0, "the agent waits for this very task", "`meshd tasks show` of its parent says through whom it came"},
	"TASK_DEPTH":             {409, 0, "the task came through too many agents", ""},
	"TASK_BEGUN":             {409, 0, "the attempt was begun before", "return its message: another attempt is made when nothing more is heard of this one"},
	"NOT_ASSIGNED":           {409, 0, "the task is not with that agent now", "leave it: another has it, or will"},
	"EXHAUSTED":              {409, 0, "there are no numbers left", ""},
	"KEY_EXISTS":             {409, 0, "the key is taken in its namespace", "`meshd graph get KEY`, or GET /graph/nodes?key=KEY, shows what has it"},
	"KEY_CHANGED":            {409, 0, "the agent has another key than the sender knows", "ask its owner whether details.key is right, then seal to it"},
	"UNKNOWN_METHOD":         {409, 0, "the other node does not know that call", "upgrade it"},
	"NOT_WAITING":            {409, 0, "nobody waits for that answer", ""},
	"DUPLICATE_ID":           {409, 0, "a frame with this id is under way", "give each send under way an id of its own"},
	"INBOX_NOT_EMPTY":        {409, 0, "the name has messages or dead letters", "release it with inbox=drop, or with inbox=keep where whoever is next may have them"},
	"TASKS_UNDER_WAY":        {409, 0, "the name has tasks under way, or has asked for some", "release it with tasks=cancel, or with inbox=keep where whoever is next may have them"},
	"RETURNED":               {409, 0, "the agent gave the message back", ""},
	"TOO_MANY_EDGES":         {409, 0, "the node has too many edges", ""},
	"UNREACHABLE_BACK":       {409, 0, "this node cannot reach the newcomer", "open its port in the firewall, or give --advertise"},
	CodeConflict:             {409, 0, "the request conflicts with what is", ""},
	"IDEMPOTENCY_IN_FLIGHT":  {409, time.Second, "a request with this idempotency key is still at work", "repeat it a little later"},
	"IDEMPOTENCY_MISMATCH":   {409, 0, "the idempotency key was used with another request", "use a new key"},
	"MESSAGE_ID_REUSED":      {409, 0, "the message id was given to another message", "give each message an id of its own"},
	"LAST_MEMBER":            {409, 0, "the last member cannot go", ""},
	"MESH_EXISTS":            {409, 0, "there is a mesh already", ""},
	"MESH_MISSING":           {409, 0, "there is no mesh yet", ""},
	"NOT_EMPTY":              {409, 0, "the directory is not empty", "name another with --data"},
	"NOTHING_WHOLE":          {409, 0, "nothing whole is left to recover", "restore a backup"},
	"NODE_AMBIGUOUS":         {409, 0, "more than one node is meant", "use the node's id"},
	"NODE_ID_TAKEN":          {409, 0, "the node id is taken", ""},
	"REMOVING":               {409, 0, "the node is being removed", ""},
	"NOT_LEAVING":            {409, 0, "the node is not leaving", ""},
	"PIN_TAKEN":              {409, 0, "the pin belongs to another node", ""},
	"RAFT_ID_CHANGED":        {409, 0, "the raft id is another than was admitted", ""},
	"RAFT_ID_TAKEN":          {409, 0, "the raft id belongs to another node", ""},
	"NOT_LEADER":             {409, 0, "the node does not lead", "ask the one that does"},
	"SEAT_HELD":              {409, 0, "the seat cannot change hands now", "`meshd members` shows who votes and who is alive"},
	"HAS_SEAT":               {409, 0, "the node is a voter already", "`meshd members` shows who votes"},
	"SHOWN_ONCE":             {409, 0, "the secret was made already and is shown once only", "revoke it and make another"},
	"TOKEN_EXISTS":           {409, 0, "the token exists already", ""},
	"TOO_MANY":               {409, 0, "there are too many already", ""},
	"UNFINISHED":             {409, 0, "a restore or recovery was cut short", "run the same line again"},
	"OLDER_NODES":            {409, 0, "a node of the mesh runs software that cannot do it", "`meshd members` shows the versions; upgrade the oldest"},
	"SEQ_GAP":                {409, 0, "the mutations do not follow those that are known", "push again from details.expected"},
	"SYNC_DISABLED":          {409, 0, "the graph takes no pushes", "POST /sync/enable/{session_id}/{graph_name} lets it"},
	"SCHEMA":                 {409, 0, "the namespace's schema does not allow it", ""},
	"UPGRADE_NODE":           {409, 0, "the node's software is too old", "upgrade it"},
	"COMPACTED":              {410, 0, "the revision asked for is older than what is kept", "read the present state, and go on from its revision"},
	"AGENT_GONE":             {410, 0, "the agent is gone", ""},
	CodePreconditionFailed:   {412, 0, "the thing has changed since", "read it again"},
	CodeTooLarge:             {413, 0, "the request is too large", "send less at once"},
	CodeUnsupportedMediaType: {415, 0, "the body's media type is not accepted here", "send application/json"},
	"UPGRADE_REQUIRED":       {426, 0, "this path speaks WebSocket only", "connect with a WebSocket client"},
	CodeRateLimited:          {429, time.Second, "too many requests", "wait as long as Retry-After says"},
	"PROPOSALS_FULL":         {429, 5 * time.Second, "as many proposals are open as the mesh keeps, or as one credential may have", "repeat it when some are decided"},
	"TASKS_FULL":             {429, 5 * time.Second, "as many tasks are under way as the mesh keeps, or as one credential may have", "repeat it when some have ended"},
	"INBOX_FULL":             {429, 5 * time.Second, "the inbox, or the share of this credential, is full", "repeat it when agents have taken some; details say which, and how much it holds"},
	CodeClientClosed:         {499, 0, "the client went away", ""},
	CodeInternal:             {500, 0, "something went wrong inside the node", "its log has the reason under the request id"},
	"NODE_UNREACHABLE":       {503, time.Second, "the node that must answer cannot be reached", "`meshd status` says which nodes are missing"},
	"AGENT_ERROR":            {502, 0, "the agent answered with an error", "details.agent_code is the agent's own code"},
	CodeNoLeader:             {503, time.Second, "no leader answers", "repeat it in some seconds, in which the voters choose another; then `meshd status`"},
	CodeOverloaded:           {503, time.Second, "the node has more to do than it can take", "repeat the request a little later"},
	"TOO_MANY_QUERIES":       {503, time.Second, "this node answers as many queries as it takes", "ask another node"},
	"TOO_MANY_WATCHERS":      {503, 5 * time.Second, "this node serves as many watchers as it takes", "ask another node"},
	CodeBehind:               {503, time.Second, "the node has not caught up to the revision asked for", "repeat the request, or ask another node"},
	CodeStateFault:           {503, 5 * time.Second, "the state cannot be written on this node", "`meshd doctor` says why; other nodes may answer"},
	CodeOutcomeUnknown:       {503, 0, "it is not known whether the write took effect", "repeat it with the same Idempotency-Key, or read before repeating it"},
	CodeNotReady:             {503, time.Second, "the node is not ready", "`meshd status` says what it waits for"},
	CodeClosing:              {503, time.Second, "the node is stopping", "ask another node"},
	CodeTimeout:              {504, 0, "the request took longer than it may", ""},
	"REPLY_TIMEOUT":          {504, 0, "no answer came in time", ""},
	"TOO_MANY_SNAPSHOTS":     {503, 5 * time.Second, "as many snapshots are under way as the mesh takes", "repeat it a little later"},
	"CONFLICTS_FULL":         {507, 0, "the namespace has as many open conflicts as it may", "`meshd sync conflicts` lists them; resolve some, and push again"},
	"TOO_MANY_CLIENTS":       {507, 0, "the mesh remembers as many clients as it may", "let clients keep their names; one that does not push for 90 days is forgotten, and `meshd sync clients forget` forgets one at once"},
	"SYNC_CLIENT_UNKNOWN":    {404, 0, "the mesh remembers no such client", "GET /sync/clients lists them; it may have been forgotten already"},
	CodeDiskFull:             {507, 0, "the disk is almost full, so writes are refused", "make room on the node's disk"},
}

// codeOf is the code for errors that come as a bare status.
func codeOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return CodeUnauthorized
	case http.StatusForbidden:
		return CodeForbidden
	case http.StatusNotFound:
		return CodeNotFound
	case http.StatusMethodNotAllowed:
		return CodeMethodNotAllowed
	case http.StatusNotAcceptable:
		return CodeNotAcceptable
	case http.StatusRequestTimeout:
		return CodeRequestTimeout
	case http.StatusConflict:
		return CodeConflict
	case http.StatusPreconditionFailed:
		return CodePreconditionFailed
	case http.StatusRequestEntityTooLarge:
		return CodeTooLarge
	case http.StatusUnsupportedMediaType:
		return CodeUnsupportedMediaType
	case http.StatusTooManyRequests:
		return CodeRateLimited
	case http.StatusServiceUnavailable:
		return CodeOverloaded
	}
	if status >= 400 && status < 500 {
		return CodeInvalid
	}
	return CodeInternal
}
