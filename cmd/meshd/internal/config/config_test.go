package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// system is a machine with an own home and the given environment.
func system(t *testing.T, environ ...string) System {
	t.Helper()
	return System{UID: 1000, Home: t.TempDir(), Environ: environ}
}

// file writes a configuration file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "meshd.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, o Options) *Config {
	t.Helper()
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	s := system(t)
	c := load(t, Options{System: s})
	if c.Listen != ":7443" || c.Voters != 3 || c.Log.Level != "info" || c.Limits.Request != 30*time.Second || c.Limits.Body != 1<<20 {
		t.Errorf("defaults are %+v", c)
	}
	if want := filepath.Join(s.Home, ".local", "share", "meshd"); c.Data != want {
		t.Errorf("data is %s, want %s", c.Data, want)
	}
	if c.sources["listen"].Layer != layerDefault || len(c.Advertise) != 0 || !c.JoinToken.IsZero() {
		t.Errorf("unset keys are set: %+v", c)
	}
}

func TestLayersOverEachOther(t *testing.T) {
	path := file(t, `
listen = ":1"
name = "file"
mesh_name = "file"
advertise = ["a.lan", "b.lan:7443"]
[log]
level = "debug"
[limits]
body = "2MiB"
`)
	c := load(t, Options{
		System: system(t, "MESHD_LISTEN=:2", "MESHD_NAME=environment", "MESHD_LOG_LEVEL="),
		File:   path,
		Flags:  map[string]any{"name": "flag"},
	})
	for _, v := range []struct{ key, got, want, source string }{
		{"name", c.Name, "flag", "flag --name"},
		{"listen", c.Listen, ":2", "environment MESHD_LISTEN"},
		{"mesh_name", c.MeshName, "file", "file " + path},
		{"log.level", c.Log.Level, "debug", "file " + path},
		{"log.format", c.Log.Format, "auto", "default"},
		{"advertise", strings.Join(c.Advertise, " "), "a.lan b.lan:7443", "file " + path},
		{"limits.body", fmt.Sprint(c.Limits.Body), "2097152", "file " + path},
	} {
		if v.got != v.want || c.sources[v.key].String() != v.source {
			t.Errorf("%s is %q from %s, want %q from %s", v.key, v.got, c.sources[v.key], v.want, v.source)
		}
	}
}

func TestFileInTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "meshd.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`name = "here"`)
	if c := load(t, Options{System: system(t, "MESHD_DATA="+dir)}); c.Name != "here" || c.Data != dir {
		t.Errorf("name %q in %q", c.Name, c.Data)
	}
	write(`data = "/elsewhere"`)
	if _, err := Load(Options{System: system(t), Flags: map[string]any{"data": dir}}); err == nil || !strings.Contains(err.Error(), "lies in it") {
		t.Errorf("data in the file that lies in it: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		file string
		env  string
		want []string
	}{
		{"unknown key in the file", "listn = ':1'", "", []string{"listn", "meshd.toml", "did you mean listen?"}},
		{"unknown key in a table", "[log]\nlevl = 'info'", "", []string{"log.levl", "did you mean log.level?"}},
		{"far from any key", "qqqqqqqqqqqq = 1", "", []string{"qqqqqqqqqqqq is not a known key"}},
		{"unknown variable", "", "MESHD_LISTN=:1", []string{"MESHD_LISTN", "did you mean MESHD_LISTEN?"}},
		{"unknown variable of a client", "", "MESHD_NOD=x", []string{"did you mean MESHD_NODE?"}},
		{"not TOML", "listen = ", "", []string{"meshd.toml", "is not valid TOML"}},
		{"wrong type", "listen = 7443", "", []string{"listen wants a text"}},
		{"no port", "", "MESHD_LISTEN=7443", []string{"MESHD_LISTEN wants HOST:PORT"}},
		{"port too high", "listen = ':70000'", "", []string{"listen has no port between 0 and 65535"}},
		{"not a duration", "[limits]\nrequest = 'soon'", "", []string{"limits.request wants a duration", `"soon"`}},
		{"too long a duration", "[limits]\nrequest = '9h'", "", []string{"limits.request is between"}},
		{"a leader's silence too short to tell", "leader_timeout = '5ms'", "", []string{"leader_timeout is between 100ms and 10s, not 5ms"}},
		{"not a number", "", "MESHD_VOTERS=many", []string{"MESHD_VOTERS wants a whole number"}},
		{"even voters", "voters = 4", "", []string{"voters is one of [1 3 5], not 4"}},
		{"not a size", "[limits]\nbody = '1 parsec'", "", []string{"limits.body wants a size"}},
		{"not a bool", "", "MESHD_INIT=perhaps", []string{"MESHD_INIT wants true or false"}},
		{"not an origin", "", "MESHD_CORS_ORIGINS=app.example.org", []string{"MESHD_CORS_ORIGINS wants an origin"}},
		{"peer without a port", "peer = ['box.lan']", "", []string{"peer wants HOST:PORT"}},
		{"list of numbers", "peer = [1]", "", []string{"peer wants a list of texts"}},
		{"secret twice", "join_token = 'x'\njoin_token_file = '/y'", "", []string{"join_token", "both set"}},
		{"level", "[log]\nlevel = 'loud'", "", []string{"log.level is one of debug, info, warn, error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{System: system(t), File: file(t, c.file)}
			if c.env != "" {
				o.System.Environ = []string{c.env}
			}
			_, err := Load(o)
			if err == nil {
				t.Fatal("it was taken")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if exit.CodeOf(err) != exit.Usage {
				t.Errorf("exit code %d, want %d", exit.CodeOf(err), exit.Usage)
			}
		})
	}
}

func TestNamedFileMustExist(t *testing.T) {
	_, err := Load(Options{System: system(t), File: "/no/such/file.toml"})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "/no/such/file.toml cannot be read") {
		t.Fatalf("a named file that is not there: %v", err)
	}
}

func TestVariablesOfOthers(t *testing.T) {
	load(t, Options{System: system(t, "MESHD_TEST_BINARY=/x",
		"MESHD_SERVICE_HOST=10.0.0.1", "MESHD_SERVICE_PORT=7443", "MESHD_SERVICE_PORT_HTTPS=7443", "MESHD_PORT=tcp://10.0.0.1:7443",
		"MESHD_PORT_7443_TCP=tcp://10.0.0.1:7443", "MESHD_PORT_7443_TCP_PROTO=tcp", "MESHD_0_SERVICE_HOST=10.0.0.2")})
}

func TestSecretsAreNeverShown(t *testing.T) {
	const token = "mesh1.very-secret"
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte("  from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := load(t, Options{System: system(t, "MESHD_JOIN_TOKEN="+token, "MESHD_API_KEY_FILE="+path)})
	data, err := json.Marshal(c.Settings())
	if err != nil {
		t.Fatal(err)
	}
	shown := string(data) + fmt.Sprintf("%v %+v %#v %s", c, c, c.JoinToken, c.JoinToken)
	for _, secret := range []string{"very-secret", "from-a-file"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown: %s", secret, shown)
		}
	}
	for _, s := range []struct {
		secret Secret
		want   string
	}{{c.JoinToken, token}, {c.APIKey, "from-a-file"}} {
		if got, err := s.secret.Reveal(); err != nil || got != s.want {
			t.Errorf("Reveal = %q, %v; want %q", got, err, s.want)
		}
	}
}

func TestSecretFileIsReadWhenNeeded(t *testing.T) {
	path := file(t, `join_token_file = "/gone"`)
	c := load(t, Options{System: system(t), File: path})
	if _, err := c.JoinToken.Reveal(); err == nil || !strings.Contains(err.Error(), "/gone") {
		t.Errorf("a secret whose file is gone: %v", err)
	}
	// A value of a higher layer takes the place of the file.
	c = load(t, Options{System: system(t, "MESHD_JOIN_TOKEN=mesh1.x"), File: path})
	if got, err := c.JoinToken.Reveal(); err != nil || got != "mesh1.x" {
		t.Errorf("the environment over the file: %q, %v", got, err)
	}
}

func TestDefaultData(t *testing.T) {
	for _, c := range []struct {
		s    System
		want string
	}{
		{System{UID: 0, Home: "/root", Environ: []string{"XDG_DATA_HOME=/x"}}, "/var/lib/meshd"},
		{System{UID: 1, Home: "/home/a"}, "/home/a/.local/share/meshd"},
		{System{UID: 1, Home: "/home/a", Environ: []string{"XDG_DATA_HOME=/x"}}, "/x/meshd"},
		{System{UID: 1, Home: "/home/a", Environ: []string{"XDG_DATA_HOME=relative"}}, "/home/a/.local/share/meshd"},
	} {
		if got := c.s.DefaultData(); got != c.want {
			t.Errorf("DefaultData(%+v) = %s, want %s", c.s, got, c.want)
		}
	}
}

func TestEveryKeyHasItsVariable(t *testing.T) {
	seen := map[string]string{}
	for _, k := range keys {
		if other, twice := seen[k.Variable()]; twice {
			t.Errorf("%s and %s share %s", k.Name, other, k.Variable())
		}
		seen[k.Variable()] = k.Name
		if k.Help == "" {
			t.Errorf("%s is not explained", k.Name)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"listn", "listen"}, {"advertize", "advertise"}, {"loglevel", "log.level"}, {"zzzzzz", ""}, {"", ""},
	} {
		if got := Nearest(c.word, names()); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, s := range []string{"", "listen = ':1'", "[log]\nlevel='info'", "a.b.c = 1\n[a]", "join_token = {x = 1}", "peer = [[1]]", "log = 'x'", "limits.body = 1e400"} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "meshd.toml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(Options{System: System{UID: 1, Home: dir}, File: path})
		if err == nil && c.Data == "" {
			t.Fatal("a configuration without a directory")
		}
	})
}
