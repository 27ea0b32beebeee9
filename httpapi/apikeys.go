package httpapi

import (
	"context"
	"time"

	"github.com/meshd/meshd/node/access"
)

// Keys is what the API key routes ask. *access.Service implements it.
type Keys interface {
	CreateKey(ctx context.Context, n access.NewKey) (access.KeyInfo, string, error)
	List(ctx context.Context) ([]access.KeyInfo, error)
	Revoke(ctx context.Context, id string) (access.Revocation, error)
}

// KeyBody is an API key without its secret.
type KeyBody struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Role      string     `json:"role"`
	Scopes    []string   `json:"scopes" nullable:"false"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	// LastAdmin warns, in the answer to a revocation, that no administrator's
	// key is left.
	LastAdmin bool `json:"last_admin,omitempty" doc:"no key with the role admin is left; the nodes' local sockets remain"`
}

func keyBody(k access.KeyInfo) KeyBody {
	b := KeyBody{ID: k.ID, Name: k.Name, Role: string(k.Role), Scopes: k.Scopes, CreatedAt: time.UnixMilli(k.CreatedAt).UTC(), CreatedBy: k.CreatedBy}
	if b.Scopes == nil {
		b.Scopes = []string{}
	}
	if k.RevokedAt != 0 {
		t := time.UnixMilli(k.RevokedAt).UTC()
		b.RevokedAt = &t
	}
	return b
}

type createKeyInput struct {
	WriteInput
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"128"`
		Role   string   `json:"role,omitempty" enum:"admin,user,viewer,agent" default:"user"`
		Scopes []string `json:"scopes,omitempty" maxItems:"64"`
	}
}

type createKeyOutput struct {
	ReadOutput
	Body struct {
		ID   string `json:"id"`
		Key  string `json:"key" doc:"shown this once"`
		Name string `json:"name"`
		Role string `json:"role"`
	}
}

func (a *API) createKey(ctx context.Context, in *createKeyInput) (*createKeyOutput, error) {
	idem, err := Idempotency(ctx)
	if err != nil {
		return nil, err
	}
	if err := a.checkScopes(in.Body.Scopes); err != nil {
		return nil, err
	}
	role := access.Role(in.Body.Role)
	if role == "" {
		role = access.RoleUser
	}
	caller, _ := Principal(ctx)
	info, key, err := a.cfg.Keys.CreateKey(ctx, access.NewKey{Name: in.Body.Name, Role: role, Scopes: in.Body.Scopes, CreatedBy: caller.ID, Idempotency: idem})
	if err != nil {
		return nil, err
	}
	out := &createKeyOutput{ReadOutput: a.position()}
	out.Body.ID, out.Body.Key, out.Body.Name, out.Body.Role = info.ID, key, info.Name, string(info.Role)
	return out, nil
}

type keysOutput struct {
	ReadOutput
	Body []KeyBody `nullable:"false"`
}

func (a *API) keys(ctx context.Context, _ *none) (*keysOutput, error) {
	at := a.position()
	list, err := a.cfg.Keys.List(ctx)
	if err != nil {
		return nil, err
	}
	out := &keysOutput{ReadOutput: at, Body: make([]KeyBody, 0, len(list))}
	for _, k := range list {
		out.Body = append(out.Body, keyBody(k))
	}
	return out, nil
}

type keyRef struct {
	ID string `path:"id" maxLength:"64"`
}

type keyOutput struct {
	ReadOutput
	Body KeyBody
}

func (a *API) revokeKey(ctx context.Context, in *keyRef) (*keyOutput, error) {
	r, err := a.cfg.Keys.Revoke(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := &keyOutput{a.position(), keyBody(r.Key)}
	out.Body.LastAdmin = r.LastAdmin
	return out, nil
}
