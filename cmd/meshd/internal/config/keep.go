package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
)

// fileName is the configuration file that a data directory has of itself.
const fileName = "meshd.toml"

// keptNote begins a file that a verb has written for the next start.
const keptNote = "# What this node was given when it was made. It is yours to change.\n"

// Kept returns the path and the text of a configuration file for the data
// directory that holds those of the named keys that came from a flag or the
// environment, so that the next start needs neither. The text is empty where
// there is nothing to write: no such key, a file that is there already, which
// belongs to its user, or another one named by --config.
func (c *Config) Kept(names ...string) (path, text string, err error) {
	path = filepath.Join(c.Data, fileName)
	values := map[string]any{}
	for _, name := range names {
		if c.given(name) {
			values[name] = c.values[name]
		}
	}
	if len(values) == 0 || c.elsewhere {
		return path, "", nil
	}
	switch _, err := os.Lstat(path); {
	case err == nil:
		return path, "", nil
	case !errors.Is(err, fs.ErrNotExist):
		return path, "", err
	}
	data, err := toml.Parser().Marshal(values)
	if err != nil {
		return path, "", err
	}
	return path, keptNote + string(data), nil
}

// given says that a key has a value of its own from a flag or the environment.
func (c *Config) given(name string) bool {
	layer := c.sources[name].Layer
	return (layer == layerFlag || layer == layerEnvironment) && !reflect.ValueOf(c.values[name]).IsZero()
}

// ServeLine is what to type for a node to start again as it is told now: the
// directory where it is not the system's own, the file where one was named, and
// those of the named keys that the file does not hold.
func (c *Config) ServeLine(sys System, names ...string) string {
	words := []string{"meshd", "serve"}
	if c.elsewhere {
		words = append(words, "--config", quoted(c.file))
	}
	line := strings.Join(words, " ")
	// A named file may say the directory by itself.
	if !c.elsewhere || c.sources["data"].Layer != layerFile {
		line += sys.DataFlag(c.Data)
	}
	words = []string{line}
	inFile, err := readFile(c.file, false)
	if err != nil {
		inFile = nil // it can no longer be read: the line says everything
	}
	for _, name := range names {
		if !c.given(name) {
			continue
		}
		k := byName[name]
		if raw, ok := inFile[name]; ok {
			if v, err := k.decode(raw); err == nil && reflect.DeepEqual(v, c.values[name]) {
				continue
			}
		}
		words = append(words, "--"+k.Flag, quoted(plain(c.values[name])))
	}
	return strings.Join(words, " ")
}

// DataFlag is " --data DIR" for a verb about the node in dir, as a shell takes
// it, or nothing where that is the system's own directory.
func (s System) DataFlag(dir string) string {
	if dir == s.DefaultData() {
		return ""
	}
	return " --data " + quoted(dir)
}

// plain is a value as its flag takes it.
func plain(v any) string {
	if list, ok := v.([]string); ok {
		return strings.Join(list, ",")
	}
	s, _ := v.(string)
	return s
}

// quoted is a word as a shell takes it.
func quoted(s string) string {
	ordinary := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:,@%+=", r)
	}
	if s != "" && strings.TrimFunc(s, ordinary) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
