package httpapi

type Role string

const (
	RoleAdmin  Role = "admin"
	RoleUser   Role = "user"
	RoleViewer Role = "viewer"
	RoleAgent  Role = "agent"
)

type Caller struct {
	ID, Name string
	Role     Role
	Scopes   []string
	Kind     string
}
