package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
)

// document renders the OpenAPI document once all routes are known.
func (a *API) document() error {
	describe(a.huma.OpenAPI(), nil)
	doc, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("httpapi: rendering the OpenAPI document: %w", err)
	}
	a.openapi = doc
	return nil
}

func (a *API) serveOpenAPI(c *gin.Context) {
	c.Data(http.StatusOK, c.GetHeader("Accept"), a.openapi)
}
