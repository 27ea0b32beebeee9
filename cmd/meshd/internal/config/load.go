package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/maps"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

const (
	layerDefault     = "default"
	layerFile        = "file"
	layerEnvironment = "environment"
	layerFlag        = "flag"

	fileSuffix = "_file"
	maxFile    = 1 << 20
)

// Options says where to look.
type Options struct {
	System System
	// File is the path given with --config, or empty.
	File string
	// Flags are the values of flags that were given, by key.
	Flags map[string]any
}

// Load reads and checks the whole configuration. Errors are of type *Error
// where a key is at fault.
func Load(o Options) (*Config, error) {
	l := loader{k: koanf.New("."), sources: map[string]Source{}}
	if err := l.add(defaults(), func(string) Source { return Source{Layer: layerDefault} }); err != nil {
		return nil, err
	}

	env, envSources, err := environment(o.System.Environ)
	if err != nil {
		return nil, err
	}
	path, explicit := o.file(env)
	file, err := readFile(path, explicit)
	if err != nil {
		return nil, err
	}
	if _, ok := file["data"]; ok && !explicit {
		return nil, &Error{Key: "data", Source: Source{layerFile, path}, Problem: "cannot be set in the file that lies in it"}
	}
	for _, layer := range []struct {
		values map[string]any
		source func(string) Source
	}{
		{file, func(string) Source { return Source{layerFile, path} }},
		{env, func(key string) Source { return envSources[key] }},
		{o.Flags, func(key string) Source { return Source{layerFlag, "--" + byName[key].Flag} }},
	} {
		if err := exclusive(layer.values, layer.source); err != nil {
			return nil, err
		}
		if err := l.add(layer.values, layer.source); err != nil {
			return nil, err
		}
	}
	c, err := l.build(o.System)
	if err != nil {
		return nil, err
	}
	if c.file, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("finding the configuration file: %w", err)
	}
	c.elsewhere = explicit && c.file != filepath.Join(c.Data, fileName)
	return c, nil
}

// file is the path of the configuration file, and whether it was asked for.
func (o Options) file(env map[string]any) (string, bool) {
	if o.File != "" {
		return o.File, true
	}
	if f := o.System.Get("MESHD_CONFIG"); f != "" {
		return f, true
	}
	dir, _ := o.Flags["data"].(string)
	if dir == "" {
		dir, _ = env["data"].(string)
	}
	if dir == "" {
		dir = o.System.DefaultData()
	}
	return filepath.Join(dir, fileName), false
}

func defaults() map[string]any {
	m := map[string]any{}
	for _, k := range keys {
		if k.fallback != nil {
			m[k.Name] = k.fallback
		}
	}
	return m
}

// readFile parses the file into dotted keys and refuses those it does not
// know. A file nobody asked for may be absent.
func readFile(path string, explicit bool) (map[string]any, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !explicit {
		return nil, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, &Error{Key: path, Problem: "cannot be read: " + reason(err) + "; run this as its owner"}
	}
	if err != nil {
		return nil, &Error{Key: path, Problem: "cannot be read: " + reason(err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, &Error{Key: path, Problem: "cannot be read: " + reason(err)}
	}
	if len(data) > maxFile {
		return nil, &Error{Key: path, Problem: fmt.Sprintf("is longer than %d bytes, which no configuration is", maxFile)}
	}
	tree, err := toml.Parser().Unmarshal(data)
	if err != nil {
		return nil, &Error{Key: path, Problem: "is not valid TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}
	}
	values, _ := maps.Flatten(tree, nil, ".")
	for _, key := range sortedKeys(values) {
		base, isFile := strings.CutSuffix(key, fileSuffix)
		if _, ok := byName[key]; ok || (isFile && byName[base].kind == secret) {
			continue
		}
		return nil, &Error{Key: key, Source: Source{layerFile, path}, Problem: "is not a known key", Nearest: Nearest(key, names())}
	}
	return values, nil
}

func names() []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.Name)
		if k.kind == secret {
			out = append(out, k.Name+fileSuffix)
		}
	}
	return out
}

// exclusive refuses a secret given both ways in one layer.
func exclusive(values map[string]any, source func(string) Source) error {
	for _, key := range sortedKeys(values) {
		if _, both := values[key+fileSuffix]; both {
			return &Error{Key: key, Source: source(key), Problem: "and " + key + fileSuffix + " are both set; keep one"}
		}
	}
	return nil
}

// loader stacks the layers and remembers who spoke last about each key.
type loader struct {
	k       *koanf.Koanf
	sources map[string]Source
}

// add puts one layer over those before it. A secret's two forms are one key:
// the form given last replaces the other.
func (l *loader) add(values map[string]any, source func(string) Source) error {
	for key := range values {
		name := key
		if base, isFile := strings.CutSuffix(key, fileSuffix); isFile && byName[base].kind == secret {
			name = base
			l.k.Delete(base)
		} else if byName[key].kind == secret {
			l.k.Delete(key + fileSuffix)
		}
		l.sources[name] = source(key)
	}
	return l.k.Load(confmap.Provider(values, "."), nil)
}

// raw is what the layers say of a key, nil for nothing.
func (l *loader) raw(k Key) any {
	if k.kind == secret {
		if path := l.k.Get(k.Name + fileSuffix); path != nil {
			return secretFile{path}
		}
	}
	return l.k.Get(k.Name)
}

func (l *loader) build(sys System) (*Config, error) {
	c := &Config{sources: l.sources, values: map[string]any{}}
	for _, k := range keys {
		raw := l.raw(k)
		if raw == nil {
			continue
		}
		v, err := k.decode(raw)
		if err != nil {
			source := l.sources[k.Name]
			e := &Error{Key: k.Name, Source: source, Problem: err.Error()}
			if source.Layer != layerFile {
				e.Key = source.Name
			}
			return nil, e
		}
		k.set(c, v)
		c.values[k.Name] = v
	}
	if c.Data == "" {
		c.Data = sys.DefaultData()
	}
	abs, err := filepath.Abs(c.Data)
	if err != nil {
		return nil, fmt.Errorf("finding the data directory: %w", err)
	}
	c.Data, c.values["data"] = abs, abs
	return c, nil
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// reason is an error of the file system without the path it repeats.
func reason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
