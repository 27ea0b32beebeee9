package config

import (
	"fmt"

	"github.com/spf13/pflag"
)

// Flagged names the keys that have a flag, --data aside, which every verb has.
func Flagged() []string {
	var out []string
	for _, k := range keys {
		if k.Flag != "" && k.Name != "data" {
			out = append(out, k.Name)
		}
	}
	return out
}

// AddFlags gives fs the flags of the named keys, with the help of the table.
func AddFlags(fs *pflag.FlagSet, names ...string) {
	for _, name := range names {
		k, ok := byName[name]
		if !ok || k.Flag == "" {
			panic("config: no flag for key " + name)
		}
		help := k.Help
		switch k.kind {
		case list:
			fs.StringSlice(k.Flag, nil, help)
		case boolean:
			fs.Bool(k.Flag, false, help)
		default:
			if s, _ := k.fallback.(string); s != "" {
				help = fmt.Sprintf("%s (default %s)", help, s)
			}
			fs.String(k.Flag, "", help)
		}
	}
}

// FromFlags returns the keys whose flags were given on the command line, for
// Options.Flags.
func FromFlags(fs *pflag.FlagSet) map[string]any {
	values := map[string]any{}
	for _, k := range keys {
		f := fs.Lookup(k.Flag)
		if k.Flag == "" || f == nil || !f.Changed {
			continue
		}
		if s, ok := f.Value.(pflag.SliceValue); ok {
			values[k.Name] = s.GetSlice()
			continue
		}
		values[k.Name] = f.Value.String()
	}
	return values
}
