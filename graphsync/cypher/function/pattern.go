package function

import (
	"regexp"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

const (
	maxPattern  = 4096 // bytes of a regular expression
	maxPatterns = 64   // kept by one run
)

// Pattern is a regular expression that must match all of a text.
type Pattern struct{ re *regexp.Regexp }

// Matches says whether all of s matches.
func (p *Pattern) Matches(s string) bool { return p.re.MatchString(s) }

// CompilePattern compiles a regular expression in RE2's syntax, whose matching
// takes time linear in the text.
func CompilePattern(pos fault.Pos, text string) (*Pattern, error) {
	if len(text) > maxPattern {
		err := fault.Run(pos, fault.Limit, "", "the regular expression is longer than %d bytes", maxPattern)
		err.Limit = "length"
		return nil, err
	}
	re, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		return nil, fault.Run(pos, fault.Argument, "InvalidArgumentValue", "%q is not a regular expression: %v", text, err)
	}
	return &Pattern{re}, nil
}

// Pattern is CompilePattern that remembers.
func (env *Env) Pattern(pos fault.Pos, text string) (*Pattern, error) {
	if p := env.patterns[text]; p != nil {
		return p, nil
	}
	p, err := CompilePattern(pos, text)
	if err != nil {
		return nil, err
	}
	if env.patterns == nil || len(env.patterns) >= maxPatterns {
		env.patterns = map[string]*Pattern{}
	}
	env.patterns[text] = p
	return p, nil
}
