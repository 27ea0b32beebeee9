package config

import (
	"regexp"
	"slices"
	"strings"
)

func cut(entry string) (name, value string, ok bool) { return strings.Cut(entry, "=") }

// serviceLink matches the variables Kubernetes and container links add for a
// service named meshd or meshd-something; they are not ours to refuse.
var serviceLink = regexp.MustCompile(`^MESHD_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// forTests begins variables that steer test programs, which hand their whole
// environment on to the meshd they start.
const forTests = prefix + "TEST_"

// environment turns the MESHD_ variables into key and value by a table, since
// an underscore in a variable may be a dot or an underscore in a key. An
// unknown variable is an error; an empty one counts as unset.
func environment(environ []string) (map[string]any, map[string]Source, error) {
	known := map[string]string{}
	var names []string
	for _, k := range keys {
		known[k.Variable()] = k.Name
		names = append(names, k.Variable())
		if k.kind == secret {
			known[k.Variable()+"_FILE"] = k.Name + fileSuffix
			names = append(names, k.Variable()+"_FILE")
		}
	}
	names = append(names, clientVariables...)

	values, sources := map[string]any{}, map[string]Source{}
	for _, entry := range environ {
		name, value, _ := cut(entry)
		if !strings.HasPrefix(name, prefix) || strings.HasPrefix(name, forTests) || slices.Contains(clientVariables, name) || serviceLink.MatchString(name) {
			continue
		}
		key, ok := known[name]
		if !ok {
			return nil, nil, &Error{Key: name, Source: Source{layerEnvironment, name},
				Problem: "in the environment is not known", Nearest: Nearest(name, names)}
		}
		if value == "" {
			continue
		}
		values[key] = value
		sources[key] = Source{layerEnvironment, name}
	}
	return values, sources, nil
}

// CheckEnviron refuses unknown MESHD_ variables, for verbs that use the
// environment without the rest of the configuration.
func CheckEnviron(environ []string) error {
	_, _, err := environment(environ)
	return err
}
