package graphsync

// payload applies the things of another instance.
func (p *pushing) payload() (*pushResult, error) {
	return nil, refuse(CodeInvalid, "client_id", "must not be empty")
}
