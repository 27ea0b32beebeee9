package function

import (
	"regexp"
	"regexp/syntax"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

const (
	maxPattern  = 4096    // bytes of a regular expression
	maxPatterns = 64      // kept by one run
	maxStates   = 10_000  // of its automaton, about
	maxMatching = 1 << 27 // states times bytes of text: a second, which nothing can interrupt
)

// Pattern is a regular expression that must match all of a text.
type Pattern struct {
	re     *regexp.Regexp
	states int
}

func compilePattern(pos fault.Pos, text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, fault.Place(pos, limit("length", "the regular expression is longer than %d bytes", maxPattern))
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fault.Run(pos, fault.Argument, "InvalidArgumentValue", "%q is not a regular expression: %v", text, err)
	}
	n := states(tree)
	if n > maxStates {
		return nil, fault.Place(pos, limit("length", "the regular expression repeats too much"))
	}
	// The tree's text, since what was given could end the group that is put around it.
	re, err := regexp.Compile(`\A(?:` + tree.String() + `)\z`)
	if err != nil {
		return nil, fault.Run(pos, fault.Argument, "InvalidArgumentValue", "%q is not a regular expression: %v", text, err)
	}
	return &Pattern{re, n}, nil
}

// states is about how large the automaton of an expression is.
func states(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		n += states(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(1, re.Min, re.Max)
	}
	return min(n, maxStates+1)
}

// Matches says whether all of s matches.
func (p *Pattern) Matches(b *Budget, pos fault.Pos, s string) (bool, error) {
	if len(s) > maxMatching/p.states {
		return false, fault.Place(pos, limit("time", "matching the regular expression with a text of %d bytes takes too long", len(s)))
	}
	if err := b.Step(len(s) * p.states / 256); err != nil {
		return false, fault.Place(pos, err)
	}
	return p.re.MatchString(s), nil
}

// Pattern compiles a regular expression in RE2's syntax, whose matching takes time
// linear in the text, and remembers it.
func (env *Env) Pattern(pos fault.Pos, text string) (*Pattern, error) {
	if p := env.patterns[text]; p != nil {
		return p, nil
	}
	// To compile may take milliseconds, and another text may come with every row.
	if err := env.Budget.Look(); err != nil {
		return nil, fault.Place(pos, err)
	}
	p, err := compilePattern(pos, text)
	if err != nil {
		return nil, err
	}
	if env.patterns == nil || len(env.patterns) >= maxPatterns {
		env.patterns = map[string]*Pattern{}
	}
	env.patterns[text] = p
	return p, nil
}
