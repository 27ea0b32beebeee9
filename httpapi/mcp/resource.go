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

// entityResource is one entity with its relations.
var entityResource = sdk.ResourceTemplate{
	URITemplate: entityPrefix + "{name}", Name: "entity", Title: "Entity", MIMEType: "application/json",
	Description: "One entity by name, with all its observations and relations",
}

// readResource gives as much of the graph as the largest answer holds, and says
// where that is not all.
func (s *Server) readResource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	c, ok := callFor(req)
	if !ok {
		return nil, errNoCall
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var r reply
	var err error
	if name, one := entityOf(req.Params.URI); one {
		r, err = getNode(ctx, c, s, getNodeIn{which: which{Name: name}, MaxBytes: maxBytes})
	} else if req.Params.URI == resource.URI {
		r, err = readGraph(ctx, c, s, paging{MaxBytes: maxBytes})
	} else {
		return nil, sdk.ResourceNotFoundError(req.Params.URI)
	}
	if err != nil {
		return nil, said{s.sentence(ctx, err)}
	}
	text, err := marshal(r.what, "  ")
	if err != nil {
		return nil, err
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: req.Params.URI, MIMEType: resource.MIMEType, Text: string(text)}}}, nil
}
