package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// maxProblems bounds how many faults of one request are told.
const maxProblems = 16

// huma keeps its constructors of errors, and how strict it is, in package
// variables; this is the one place that sets them, before any API exists. Names
// are as they are written: encoding/json would take them in another case too,
// and of two spellings the last.
func init() {
	huma.ValidateStrictCasing = true
	huma.NewError = newError
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return newError(status, msg, errs...)
	}
}

// problem is one fault of a request, in details.problems.
type problem struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// newError gives huma's refusals our shape: a validation error is a 400 that
// names the field, and never echoes the value.
func newError(status int, msg string, errs ...error) huma.StatusError {
	var problems []problem
	for _, err := range errs {
		var own *Error
		if errors.As(err, &own) {
			return own
		}
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return tooLarge(large.Limit)
		}
		var detailer huma.ErrorDetailer
		if errors.As(err, &detailer) && len(problems) < maxProblems {
			d := detailer.ErrorDetail()
			problems = append(problems, problem{clip(d.Location, 100), clip(d.Message, 200)})
		}
	}
	switch {
	case len(problems) > 0 && status >= 400 && status < 500:
		code, sentence := judge(status, problems[0])
		return Fail(code, "%s", sentence).With("field", problems[0].Field).With("problems", problems)
	case msg == "cannot read request body":
		return Fail(CodeMalformed, "the request body could not be read")
	case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity:
		return Fail(CodeInvalid, "%s", msg)
	case status >= 500:
		return Fail(CodeInternal, "")
	}
	return Fail(codeOf(status), "%s", msg)
}

// judge finds the code and the sentence for the first problem.
func judge(status int, p problem) (code, sentence string) {
	where, name, _ := strings.Cut(p.Field, ".")
	switch {
	case p.Problem == validation.MsgUnexpectedProperty:
		return CodeUnknownField, unknownField(name)
	case p.Problem == "unknown query parameter":
		return CodeUnknownParameter, unknownParameter(name)
	case where == "body" && hugeNumber.MatchString(p.Problem):
		return CodeInvalid, hugeNumber.FindStringSubmatch(p.Problem)[1] + " in the request body is a number that no 64-bit float holds; send it as a string"
	case where == "body" && name == "" && status == http.StatusBadRequest:
		return CodeMalformed, "the request body is not valid JSON: " + p.Problem
	case where == "body" && name == "":
		return CodeInvalid, "the request body is not valid: " + p.Problem
	case where == "body":
		return CodeInvalid, fmt.Sprintf("the field %q is not valid: %s", name, p.Problem)
	}
	return CodeInvalid, fmt.Sprintf("the %s parameter %q is not valid: %s", where, name, p.Problem)
}

// hugeNumber is what encoding/json says of a number that is none of Go's.
var hugeNumber = regexp.MustCompile(`cannot unmarshal number (\S{1,40})\S* into Go .* of type float`)

func unknownField(name string) string {
	return fmt.Sprintf("the field %q is not known here", name) + presentOnly(name)
}

func unknownParameter(name string) string {
	return fmt.Sprintf("the query parameter %q is not known here", name) + presentOnly(name)
}

// presentOnly says what can be asked of another time to whom asked what cannot.
func presentOnly(name string) string {
	if name != "as_of" && name != "valid_at" {
		return ""
	}
	return ", where only the present is known; nodes, edges, find, observations, neighbors, path, paths, degree, hubs and export take it"
}
