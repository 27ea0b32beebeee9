package httpapi

import "context"

// CallerBody says who the node takes the caller for.
type CallerBody struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Role   string   `json:"role" enum:"admin,user,viewer,agent"`
	Scopes []string `json:"scopes" nullable:"false" doc:"Empty: not limited to scopes"`
	Kind   string   `json:"kind"`
}

type verifyOutput struct{ Body CallerBody }

func (a *API) verify(ctx context.Context, _ *none) (*verifyOutput, error) {
	p, _ := Principal(ctx)
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	return &verifyOutput{CallerBody{p.ID, p.Name, string(p.Role), scopes, p.Kind}}, nil
}
