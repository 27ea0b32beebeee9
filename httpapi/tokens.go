package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/node/roster"
)

// TokenBody is a join token without its secret.
type TokenBody struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	Role      string    `json:"role"`
	Uses      uint32    `json:"uses"`
	Used      uint32    `json:"used"`
	Status    string    `json:"status" enum:"valid,expired,used_up,revoked"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	CreatedBy string    `json:"created_by" doc:"the id of the node it was made at"`
}

func tokenBody(t roster.Token, now time.Time) TokenBody {
	return TokenBody{
		ID: t.ID, Name: t.Name, Role: string(t.Role), Uses: t.Uses, Used: t.Used, Status: t.Condition(now),
		CreatedAt: time.UnixMilli(t.CreatedAt).UTC(), ExpiresAt: time.UnixMilli(t.ExpiresAt).UTC(), CreatedBy: string(t.CreatedBy),
	}
}

// NewTokenBody is a join token as it is shown once, to whoever made it.
type NewTokenBody struct {
	ID          string    `json:"id"`
	Token       string    `json:"token"`
	Role        string    `json:"role"`
	ExpiresAt   time.Time `json:"expires_at"`
	Uses        uint32    `json:"uses"`
	JoinCommand string    `json:"join_command"`
}

type createTokenInput struct {
	WriteInput
	Body struct {
		TTL  string `json:"ttl,omitempty" maxLength:"32" default:"1h" doc:"how long it is good, for example 30m or 24h"`
		Uses uint32 `json:"uses,omitempty" minimum:"1" maximum:"10000" default:"1"`
		Role string `json:"role,omitempty" enum:"member,edge" default:"member"`
		Name string `json:"name,omitempty" maxLength:"128"`
	}
}

type createTokenOutput struct {
	ReadOutput
	Body NewTokenBody
}

func (a *API) createToken(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	ttl, uses := time.Hour, uint32(1)
	if in.Body.TTL != "" {
		if ttl, err = time.ParseDuration(in.Body.TTL); err != nil {
			return nil, Fail(CodeInvalid, "ttl is no duration such as 30m or 24h").With("field", "ttl")
		}
	}
	if in.Body.Uses > 0 {
		uses = in.Body.Uses
	}
	t, join, err := a.cfg.Mesh.CreateToken(ctx, roster.NewToken{Role: roster.Role(in.Body.Role), TTL: ttl, Uses: uses, Name: in.Body.Name, Idempotency: idem})
	if err != nil {
		return nil, err
	}
	return &createTokenOutput{a.position(), NewTokenBody{
		ID: t.ID, Token: join.String(), Role: string(t.Role), ExpiresAt: time.UnixMilli(t.ExpiresAt).UTC(), Uses: t.Uses,
		JoinCommand: "meshd join " + join.String(),
	}}, nil
}

type tokensOutput struct {
	ReadOutput
	Body []TokenBody `nullable:"false"`
}

func (a *API) tokens(ctx context.Context, _ *none) (*tokensOutput, error) {
	at := a.position()
	list, now, err := a.cfg.Mesh.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	out := &tokensOutput{ReadOutput: at, Body: make([]TokenBody, 0, len(list))}
	for _, t := range list {
		out.Body = append(out.Body, tokenBody(t, now))
	}
	return out, nil
}

type tokenRef struct {
	ID string `path:"id" maxLength:"64"`
}

type tokenOutput struct {
	ReadOutput
	Body TokenBody
}

func (a *API) revokeToken(ctx context.Context, in *tokenRef) (*tokenOutput, error) {
	t, err := a.cfg.Mesh.RevokeToken(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{a.position(), tokenBody(t, time.UnixMilli(t.RevokedAt))}, nil
}
