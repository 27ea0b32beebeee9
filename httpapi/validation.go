package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/meshd/meshd/node/strictjson"
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
			problems = append(problems, plainly(problem{clip(d.Location, 100), clip(d.Message, 300)}))
		}
	}
	// A name that is not known is most often another one misspelt, which is then
	// missing: it says more.
	slices.SortStableFunc(problems, func(p, q problem) int {
		if p.Problem == isUnknown && q.Problem == isMissing {
			return -1
		}
		if q.Problem == isUnknown && p.Problem == isMissing {
			return 1
		}
		return 0
	})
	switch {
	case msg == "request body is required":
		return Fail(CodeInvalid, "the request body is missing: it is a JSON value").With("field", "body")
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

// fault is a member that a body cannot have as it is, told in the text of an
// error: huma passes on nothing else.
func fault(member, wanted string) error {
	return errors.New(member + faultMark + "it must be " + wanted)
}

const faultMark = "\x1f"

// inWords names the member and what it must be where encoding/json names its own
// types.
func inWords(data []byte, err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	if wrong.Field != "" {
		return fault(wrong.Field, strictjson.Wanted(wrong.Type))
	}
	if member, found := strictjson.Huge(data); found {
		return fault(member, "a number that a 64-bit float holds, or a string")
	}
	return fault("", strictjson.Wanted(wrong.Type))
}

// plainly is a problem without the words of the machinery that found it.
func plainly(p problem) problem {
	if member, text, marked := strings.Cut(p.Problem, faultMark); marked {
		p.Problem = text
		if member != "" {
			p.Field += "." + member
		}
		return p
	}
	if p.Problem == validation.MsgUnexpectedProperty {
		p.Problem = isUnknown
		return p
	}
	if name, is := strings.CutPrefix(p.Problem, "expected required property "); is {
		p.Field, p.Problem = p.Field+"."+strings.TrimSuffix(name, " to be present"), isMissing
		return p
	}
	for _, w := range plainWords {
		if rest, is := strings.CutPrefix(p.Problem, w.from); is {
			p.Problem = "it must " + w.to + rest + w.behind
			return p
		}
	}
	return p
}

// What is wrong with names.
const (
	isMissing = "it is missing"
	isUnknown = "it is not known here"
)

// plainWords are huma's, and ours: the longer beginnings first.
var plainWords = []struct{ from, to, behind string }{
	{"expected string to be RFC 3339 date-time", "be a time such as 2030-01-02T15:04:05Z", ""},
	{"expected string to match pattern ", "be a string that matches ", ""},
	{"expected string to be ", "be a string that is ", ""},
	{"expected string", "be a string", ""},
	{"expected boolean", "be true or false", ""},
	{"expected integer", "be a whole number", ""},
	{"expected number >= ", "be at least ", ""},
	{"expected number > ", "be more than ", ""},
	{"expected number <= ", "be at most ", ""},
	{"expected number < ", "be less than ", ""},
	{"expected number", "be a number", ""},
	{"expected array length >= ", "have at least ", " items"},
	{"expected array length <= ", "have at most ", " items"},
	{"expected array", "be an array", ""},
	{"expected object", "be an object", ""},
	{"expected length >= ", "be at least ", " characters long"},
	{"expected length <= ", "be at most ", " characters long"},
	{"expected value to be one of ", "be one of ", ""},
	{"expected value to match exactly one schema but matched none", "be of one of the kinds that the document shows: /openapi.json", ""},
	{"expected value to match at least one schema but matched none", "be of one of the kinds that the document shows: /openapi.json", ""},
}

// judge finds the code and the sentence for the first problem.
func judge(status int, p problem) (code, sentence string) {
	where, name, _ := strings.Cut(p.Field, ".")
	switch {
	case p.Problem == isUnknown:
		return CodeUnknownField, unknownField(name)
	case p.Problem == "unknown query parameter":
		return CodeUnknownParameter, unknownParameter(name)
	case where == "body" && name == "" && status == http.StatusBadRequest && !strings.HasPrefix(p.Problem, "it must "):
		return CodeMalformed, "the request body is not valid JSON: " + strings.TrimPrefix(p.Problem, "not JSON: ")
	case where == "body" && name == "":
		return CodeInvalid, "the request body is not valid: " + p.Problem
	case where == "body" && p.Problem == isMissing:
		return CodeInvalid, fmt.Sprintf("the field %q is missing", name)
	case where == "body":
		return CodeInvalid, fmt.Sprintf("the field %q is not valid: %s", name, p.Problem)
	}
	return CodeInvalid, fmt.Sprintf("the %s parameter %q is not valid: %s", where, name, p.Problem)
}

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
