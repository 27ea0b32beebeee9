package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/meshd/meshd/consensus"
)

// maxMaxAge bounds max_age, so that a duration cannot overflow.
const maxMaxAge = 24 * time.Hour

// ReadInput is what every read of the state may ask for. Embed it in a typed
// route's input.
type ReadInput struct {
	Consistency       string `query:"consistency" enum:"stale,leader,linearizable" doc:"How fresh the answer must be; stale, the default, asks this node only"`
	MaxAge            string `query:"max_age" doc:"With stale: refuse an answer older than this, as 500ms or 5s" maxLength:"32"`
	MinRevision       string `query:"min_revision" doc:"Wait until this revision is reached, at most 5 s" maxLength:"20"`
	MinRevisionHeader string `header:"X-Mesh-Min-Revision" doc:"As min_revision; the greater of both counts" maxLength:"20"`
}

// readQuery names the query parameters of ReadInput, for Plain routes.
var readQuery = []string{"consistency", "max_age", "min_revision"}

// Options returns what the client asked for. Its error is a 400 that names the
// parameter.
func (in ReadInput) Options() (o consensus.ReadOptions, err error) {
	switch in.Consistency {
	case "", "stale":
	case "leader":
		o.Consistency = consensus.Leader
	case "linearizable":
		o.Consistency = consensus.Linearizable
	default:
		return o, invalid("query.consistency", "consistency is stale, leader or linearizable")
	}
	if in.MaxAge != "" {
		o.MaxAge, err = time.ParseDuration(in.MaxAge)
		switch {
		case err != nil || o.MaxAge <= 0 || o.MaxAge > maxMaxAge:
			return consensus.ReadOptions{}, invalid("query.max_age", "max_age is a duration above zero and up to 24h, such as 500ms")
		case o.Consistency != consensus.Stale:
			return consensus.ReadOptions{}, invalid("query.max_age", "max_age goes with consistency=stale only")
		}
	}
	for _, v := range []struct{ field, text string }{
		{"query.min_revision", in.MinRevision}, {"header.X-Mesh-Min-Revision", in.MinRevisionHeader},
	} {
		if v.text == "" {
			continue
		}
		n, err := strconv.ParseUint(v.text, 10, 64)
		if err != nil {
			return consensus.ReadOptions{}, invalid(v.field, "a revision is a whole number")
		}
		o.MinRevision = max(o.MinRevision, n)
	}
	return o, nil
}

// ReadOptions is ReadInput.Options for Plain routes. Such a route lists
// consistency, max_age and min_revision in its Query.
func ReadOptions(r *http.Request) (consensus.ReadOptions, error) {
	q := r.URL.Query()
	return ReadInput{
		Consistency: q.Get("consistency"), MaxAge: q.Get("max_age"), MinRevision: q.Get("min_revision"),
		MinRevisionHeader: r.Header.Get("X-Mesh-Min-Revision"),
	}.Options()
}

// ReadOutput are the headers of an answer read from the state. Embed it in a
// typed route's output.
type ReadOutput struct {
	Revision uint64 `header:"X-Mesh-Revision" doc:"The revision that the answer reflects"`
	AgeMs    int64  `header:"X-Mesh-Age-Ms" doc:"How long ago the node last heard from the leader"`
}

// Read makes the headers of a read.
func Read(i consensus.ReadInfo) ReadOutput {
	return ReadOutput{Revision: i.Revision, AgeMs: i.Age.Milliseconds()}
}

// SetReadInfo is Read for Plain routes; call it before the body is written.
func SetReadInfo(h http.Header, i consensus.ReadInfo) {
	h.Set("X-Mesh-Revision", strconv.FormatUint(i.Revision, 10))
	h.Set("X-Mesh-Age-Ms", strconv.FormatInt(i.Age.Milliseconds(), 10))
}

// invalid is a 400 for one field, as validation would have made it.
func invalid(field, sentence string) *Error {
	return Fail(CodeInvalid, "%s", sentence).With("field", field).With("problems", []problem{{field, sentence}})
}
