package httpapi

import (
	"fmt"
	"io"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/meshd/meshd/node/strictjson"
)

// gin's mode is a package variable; release mode silences its own printing.
func init() { gin.SetMode(gin.ReleaseMode) }

// newEngine is gin for routing only: no redirects, no logging, no belief in
// forwarding headers.
func newEngine() *gin.Engine {
	e := gin.New()
	e.RedirectTrailingSlash = false
	e.RedirectFixedPath = false
	e.HandleMethodNotAllowed = true
	e.ForwardedByClientIP = false
	// A name in a path may have a slash, as %2F.
	e.UseRawPath = true
	return e
}

// plainText is implemented by answers that may be asked for as text/plain.
type plainText interface{ PlainText() string }

func newHuma(a *API) huma.API {
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "meshd", Version: a.cfg.Version,
			Description: "One mesh of peer nodes: every route answers alike at every node.",
			License:     &huma.License{Name: "Apache 2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "The node that serves this document; any other answers alike."}},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer"},
				"apiKey": {Type: "apiKey", In: "header", Name: "X-API-Key"},
			},
		},
	}
	text := huma.Format{
		Marshal: func(w io.Writer, v any) error {
			t, ok := v.(plainText)
			if !ok {
				return fmt.Errorf("%T has no plain text", v)
			}
			_, err := io.WriteString(w, t.PlainText())
			return err
		},
		Unmarshal: func([]byte, any) error { return errNotJSON },
	}
	return huma.NewAPI(huma.Config{
		OpenAPI: doc,
		Formats: map[string]huma.Format{
			"application/json": {Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal},
			"text/plain":       text,
		},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{completeErrors},
	}, adapter{a})
}

// unmarshal reads a body. huma does so twice: first into an any, to hold it
// against the schema, and there it is checked.
func unmarshal(data []byte, v any) error {
	if _, first := v.(*any); first {
		if err := strictjson.Check(data); err != nil {
			return err
		}
	}
	return inWords(data, huma.DefaultJSONFormat.Unmarshal(data, v))
}

// completeErrors gives huma's own refusals and those of handlers their request
// id and headers.
func completeErrors(ctx huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*Error)
	if !ok {
		return v, nil
	}
	x := exchangeOf(ctx.Context())
	return e.complete(x, x.response.Header()), nil
}
