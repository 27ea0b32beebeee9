package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/httpapi/mcp"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/identity"
)

// Authenticator finds who a credential belongs to. Its errors refuse the
// request; it must be quick, compare in constant time and be safe for
// concurrent use.
type Authenticator interface {
	Authenticate(credential string) (access.Principal, error)
}

// Health is what the node says about itself. Safe for concurrent use.
type Health interface {
	// Ready returns nil when the node has replayed its log and serves reads,
	// else an error whose sentence says what it waits for.
	Ready() error
	// ActiveSessions counts conversations and attached agents.
	ActiveSessions() int
	// Detail is the answer of /health/detail: disk, raft, gossip, queues.
	Detail(ctx context.Context) (map[string]any, error)
}

// Config is what the API is built from.
type Config struct {
	Version     string
	Auth        Authenticator
	Health      Health
	Certificate func() identity.CertificateInfo
	// Hosts lists the node's own names and addresses, without ports; requests
	// under other names are refused. It is called on each request.
	Hosts func() []string
	// ExtraHosts are names the node is reached under without knowing them
	// itself: of a proxy, a service, an alias.
	ExtraHosts []string
	// The services behind the route groups. A group whose service is nil has
	// no routes.
	Mesh     Mesh
	Keys     Keys
	Messages Messages
	Inboxes  Inboxes // needs Messages
	// Settle returns when this node's state is as fresh as a read asks for, and
	// says how fresh that is. It goes with Inboxes.
	Settle    func(ctx context.Context, o consensus.ReadOptions) (consensus.ReadInfo, error)
	Tasks     Tasks
	Proposals Proposals
	// KeyChanged is told of an agent's new key. May be nil.
	KeyChanged func(agent, hash string)
	Events     Events
	Agents     Agents
	Registry   Registry
	Graph      Graph
	Watches    Watches
	Sync       Sync
	Memory     mcp.Graph // for MCP clients
	Backups    Backups
	Insight    Insight

	// MeshID names the mesh in the vector clocks of Sync.
	MeshID string
	// NodeID is recorded with who asks for a task here.
	NodeID string

	// Gatherer feeds /metrics; Registerer takes the request figures. Either
	// may be nil.
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	// NoLeader gives the details of NO_LEADER: voters_alive, voters_needed,
	// unreachable. May be nil.
	NoLeader func() map[string]any
	// Correlate puts the request id into the context where calls to other
	// nodes look for it. May be nil.
	Correlate func(ctx context.Context, requestID string) context.Context

	// Origins are the web origins ("https://host[:port]") whose pages may
	// call; none by default.
	Origins []string
	// RequestIDHeader is the header that carries request ids; X-Request-Id
	// when empty.
	RequestIDHeader string
	MaxBody         int64         // bytes; 0: 1 MiB
	Timeout         time.Duration // of a request; 0: 30 s
	MaxInFlight     int           // requests at once; 0: 4096

	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now
}

func (c *Config) complete() error {
	for name, missing := range map[string]bool{
		"Auth": c.Auth == nil, "Health": c.Health == nil, "Certificate": c.Certificate == nil, "Hosts": c.Hosts == nil,
	} {
		if missing {
			return fmt.Errorf("httpapi: Config.%s is missing", name)
		}
	}
	if c.RequestIDHeader == "" {
		c.RequestIDHeader = "X-Request-Id"
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 1 << 20
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.MaxInFlight <= 0 {
		c.MaxInFlight = 4096
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// API is the node's HTTP surface. Safe for concurrent use.
type API struct {
	cfg       Config
	log       *slog.Logger
	started   time.Time
	engine    *gin.Engine
	huma      huma.API
	routes    map[string]*Route // "METHOD /path/:as/gin"
	public    map[string]bool   // paths of public routes, none of which has parameters
	table     []Route
	short     map[string]shortWay // of hot and large routes, by operation id
	openapi   []byte
	strangers *limiter // of public routes and upgrades
	guesses   *limiter // of credentials that are nobody's
	crowd     *crowd   // of strangers' requests under way
	slots     chan struct{}
	polls     chan struct{}
	room      *room // of large bodies
	answers   *room // of large parts of answers
	streamed  *room // and of streams

	inboxWaits *inboxWaits
	replies    *replies
	figures    *figures
	work       *work
	ends       []func() // by Close
	chain      http.Handler
}

// New builds the API. It fails on a configuration that cannot hold.
func New(cfg Config) (*API, error) { return build(cfg, nil) }

// build is New with further routes behind the same middleware.
func build(cfg Config, more []Entry) (*API, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	a := &API{
		cfg:       cfg,
		log:       cfg.Logger,
		started:   cfg.Now(),
		routes:    map[string]*Route{},
		public:    map[string]bool{},
		short:     map[string]shortWay{},
		strangers: newLimiter(strangerRate, strangerBurst, strangerAddresses),
		guesses:   newLimiter(strangerRate, strangerBurst, strangerAddresses),
		crowd:     newCrowd(maxStrangers, maxStrangersEach),
		slots:     make(chan struct{}, cfg.MaxInFlight),
		polls:     make(chan struct{}, maxPolls),
		room:      newRoom(bodyRoom),
		answers:   newRoom(answerRoom),
		streamed:  newRoom(answerRoom),

		inboxWaits: newInboxWaits(),
		replies:    newReplies(),
		figures:    newFigures(cfg.Registerer),
		work:       newWork(),
	}
	a.engine = newEngine()
	a.engine.Use(a.limits, a.authenticate, a.limitRate, a.policy, a.negotiate)
	a.engine.NoRoute(func(c *gin.Context) { a.Refuse(c, Fail(CodeNotFound, "")) })
	a.engine.NoMethod(func(c *gin.Context) { a.Refuse(c, Fail(CodeMethodNotAllowed, "")) })
	a.huma = newHuma(a)
	for _, e := range append(a.entries(), more...) {
		if err := a.add(e); err != nil {
			return nil, err
		}
	}
	if err := a.document(); err != nil {
		return nil, err
	}
	origin, err := a.origin()
	if err != nil {
		return nil, err
	}
	// The written order, from the outside in; the engine's own stages follow.
	a.chain = a.recover(a.requestID(a.accessLog(a.headers(a.cors(origin(slash(a.engine)))))))
	return a, nil
}

// add puts one line of the table on the engine.
func (a *API) add(e Entry) (err error) {
	r := e.Route
	name := r.Method + " " + r.Path
	switch {
	case r.Method == "" || !strings.HasPrefix(r.Path, "/"):
		return fmt.Errorf("httpapi: route %q needs a method and a path", name)
	case r.Public && strings.Contains(r.Path, "{"):
		return fmt.Errorf("httpapi: public route %q must not have parameters", name)
	case !r.Public && !r.Role.Valid():
		return fmt.Errorf("httpapi: route %q needs a role", name)
	case len(r.Path) > 1 && strings.HasSuffix(r.Path, "/"):
		return fmt.Errorf("httpapi: route %q must not end in a slash", name)
	}
	// gin and huma panic on a route that collides with another.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("httpapi: route %q: %v", name, p)
		}
	}()
	e.mount(a, &r)
	path := strings.NewReplacer("{", ":", "}", "").Replace(r.Path)
	a.routes[r.Method+" "+path] = &r
	if r.Method == http.MethodGet {
		a.routes[http.MethodHead+" "+path] = &r
	}
	if r.Public {
		a.public[r.Path] = true
	}
	a.table = append(a.table, r)
	return nil
}

// Handler serves the clients of the TLS port.
func (a *API) Handler() http.Handler { return a.chain }

// SocketHandler serves the Unix socket, whose file permissions are the
// credential: whoever could open it is the operator.
func (a *API) SocketHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.chain.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), socketKey{}, true)))
	})
}

// Routes lists the route table, in the order of registration.
func (a *API) Routes() []Route { return append([]Route(nil), a.table...) }

var errNotJSON = errors.New("plain text is not read")
