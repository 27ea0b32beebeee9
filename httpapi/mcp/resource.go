package mcp

import (
	"context"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// resource is the whole graph as the reference server offers it to programs
// that attach resources to a conversation.
var resource = sdk.Resource{
	URI: "memory://knowledge-graph", Name: "knowledge-graph", Title: "Knowledge Graph", MIMEType: "application/json",
	Description: "The full knowledge graph with all entities and relations",
}

// readResource gives as much of the graph as the largest answer holds, and says
// where that is not all.
func (s *Server) readResource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	c, ok := callFor(req)
	if !ok {
		return nil, errNoCall
	}
	if req.Params.URI != resource.URI {
		return nil, sdk.ResourceNotFoundError(req.Params.URI)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := readGraph(ctx, c, s, paging{MaxBytes: maxBytes})
	if err != nil {
		return nil, said{s.sentence(ctx, err)}
	}
	text, err := marshal(r.what, "  ")
	if err != nil {
		return nil, err
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: resource.URI, MIMEType: resource.MIMEType, Text: string(text)}}}, nil
}
