package mcp

// ownTools are what the reference server does not have.
func ownTools() []tool { return nil }
