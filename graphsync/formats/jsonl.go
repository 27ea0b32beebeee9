package formats

import "io"

// JSONLReader reads import lines as they are.
type JSONLReader struct{ *Lines }

// NewJSONL returns a reader of import lines. It leaves their grammar, UTF-8
// among it, to whoever decodes them.
func NewJSONL(r io.Reader) JSONLReader { return JSONLReader{NewLines(r)} }
