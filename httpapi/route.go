package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/node/access"
)

// Route says everything about a route but what it does. The zero values are the
// strict ones.
type Route struct {
	Method  string
	Path    string // "/graph/nodes/{id}", no trailing slash
	Summary string

	// Role is what the caller's role must allow. It must be set unless the
	// route is public.
	Role access.Role
	// Public routes answer strangers.
	Public bool
	// Scope is what a scoped credential must hold; empty: "<first segment of
	// the path>:read" for GET, ":write" for the rest. AnyScope asks for none.
	Scope string

	// FirstMessage lets a WebSocket bring its credential in its first message;
	// the handler then checks what the stages before could not.
	FirstMessage bool

	MaxBody  int64         // bytes; 0: Config.MaxBody
	Timeout  time.Duration // 0: Config.Timeout; negative: none, for streams
	Consumes []string      // media types of the body; nil: application/json
	Produces []string      // media types of the answer; nil: application/json
	Query    []string      // names a Plain route takes; typed routes have theirs in the input
	Status   int           // of success; 0: 200, or 204 where there is no body
}

// AnyScope as a Route's Scope lets scoped credentials call without one.
const AnyScope = "-"

// Entry is one line of the route table.
type Entry struct {
	Route
	mount func(a *API, r *Route)
}

// Op is a typed route. I and O are huma's input and output structs: fields
// tagged path, query and header, and a Body. Input is validated and unknown
// names are refused before h runs; any error of h is mapped by the catalogue.
func Op[I, O any](r Route, h func(context.Context, *I) (*O, error)) Entry {
	return Entry{r, func(a *API, r *Route) {
		huma.Register(a.huma, r.operation(), func(ctx context.Context, in *I) (*O, error) {
			out, err := h(ctx, in)
			if err != nil {
				return nil, a.asError(ctx, err)
			}
			return out, nil
		})
	}}
}

// Plain is a route without typed input and output, for streams and hot paths.
// The middleware is the same; answer errors by API.Refuse.
func Plain(r Route, h gin.HandlerFunc) Entry {
	return Entry{r, func(a *API, r *Route) {
		op := r.operation()
		op.Responses = r.answers(a.huma.OpenAPI().Components.Schemas)
		for _, name := range r.Query {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: "string"}})
		}
		for _, name := range pathNames(r.Path) {
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
		}
		a.huma.OpenAPI().AddOperation(&op)
		a.handle(r.Method, r.Path, r.Timeout >= 0, func(c *gin.Context) {
			for name := range c.Request.URL.Query() {
				if !slices.Contains(r.Query, name) {
					name = clip(name, 100)
					a.Refuse(c, Fail(CodeUnknownParameter, "%s", unknownParameter(name)).With("field", "query."+name))
					return
				}
			}
			h(c)
		})
	}}
}

// answers documents what a Plain route answers: its media types, whose content
// its words describe, and errors.
func (r *Route) answers(schemas huma.Registry) map[string]*huma.Response {
	failed := map[string]*huma.MediaType{mediaJSON: {Schema: schemas.Schema(reflect.TypeFor[Error](), true, "Error")}}
	out := map[string]*huma.Response{"default": {Description: "Error", Content: failed}}
	if r.FirstMessage {
		out["101"] = &huma.Response{Description: "The connection speaks WebSocket from here on"}
		return out
	}
	done := &huma.Response{Description: "See the summary", Content: map[string]*huma.MediaType{}}
	for _, media := range r.Produces {
		schema := &huma.Schema{Type: "string"}
		if media == mediaJSON {
			schema = &huma.Schema{}
		}
		done.Content[media] = &huma.MediaType{Schema: schema}
	}
	out[strconv.Itoa(cmp.Or(r.Status, http.StatusOK))] = done
	return out
}

// Refuse answers a Plain route's request with any error, mapped by the
// catalogue. Call it at most once and before anything is written.
func (a *API) Refuse(c *gin.Context, err error) {
	x := exchangeOf(c.Request.Context())
	a.asError(c.Request.Context(), err).write(c.Writer, x)
	c.Abort()
}

// operation is the route as OpenAPI documents it. The frame bounds the body,
// so huma must not.
func (r *Route) operation() huma.Operation {
	segment := firstSegment(r.Path)
	op := huma.Operation{
		OperationID:     operationID(r.Method, r.Path),
		Method:          r.Method,
		Path:            r.Path,
		Summary:         r.Summary,
		Tags:            []string{segment},
		DefaultStatus:   r.Status,
		MaxBodyBytes:    -1,
		BodyReadTimeout: bodyTimeout,
	}
	if !r.Public {
		op.Security = []map[string][]string{{"bearer": {}}, {"apiKey": {}}}
		op.Description = "Needs the role " + string(r.Role) + "."
	}
	return op
}

func operationID(method, path string) string {
	words := strings.FieldsFunc(path, func(c rune) bool { return strings.ContainsRune("/{}._-", c) })
	return strings.ToLower(method) + "-" + strings.Join(words, "-")
}

func firstSegment(path string) string {
	segment, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return segment
}

func pathNames(path string) (names []string) {
	for _, s := range strings.Split(path, "/") {
		if strings.HasPrefix(s, "{") {
			names = append(names, strings.Trim(s, "{}"))
		}
	}
	return names
}

// adapter registers huma's operations on the engine.
type adapter struct {
	*API
}

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.handle(op.Method, op.Path, true, a.serve(op, handler))
}

// ServeHTTP implements huma.Adapter.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.engine.ServeHTTP(w, r) }

// handle puts a handler on the engine; HEAD is GET without the body, except
// for streams, which would never end.
func (a *API) handle(method, path string, head bool, h gin.HandlerFunc) {
	path = strings.NewReplacer("{", ":", "}", "").Replace(path)
	a.engine.Handle(method, path, h)
	if method == http.MethodGet && head {
		a.engine.Handle(http.MethodHead, path, h)
	}
}
