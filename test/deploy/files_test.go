package deploy

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const folder = "../../deploy"

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// service is the part of a compose service that reaches the process.
type service struct {
	Hostname    string            `yaml:"hostname"`
	Restart     string            `yaml:"restart"`
	Grace       string            `yaml:"stop_grace_period"`
	Environment map[string]string `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	Secrets     []string          `yaml:"secrets"`
	Build       struct {
		Context    string `yaml:"context"`
		Dockerfile string `yaml:"dockerfile"`
	} `yaml:"build"`
}

var fallback = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`)

// services reads compose.yaml as it is where no variable is set.
func services(t testing.TB) map[string]service {
	t.Helper()
	var file struct {
		Services map[string]service `yaml:"services"`
		Secrets  map[string]struct {
			File string `yaml:"file"`
		} `yaml:"secrets"`
		Volumes map[string]any `yaml:"volumes"`
	}
	text := fallback.ReplaceAllString(read(t, "docker/compose.yaml"), "$1")
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(yaml.FormatError(err, false, true))
	}
	for name, s := range file.Services {
		for _, secret := range s.Secrets {
			if file.Secrets[secret].File == "" {
				t.Errorf("service %s: the secret %s comes from no file", name, secret)
			}
		}
		for _, v := range s.Volumes {
			if volume, _, _ := strings.Cut(v, ":"); volume != name {
				t.Errorf("service %s keeps its node in the volume %s", name, volume)
			} else if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("the volume %s is not declared", volume)
			}
		}
	}
	return file.Services
}

// instruction is one line of a Dockerfile, continued ones joined.
type instruction struct{ verb, rest string }

func dockerfile(t testing.TB) []instruction {
	t.Helper()
	var out []instruction
	text := strings.ReplaceAll(read(t, "docker/Dockerfile"), "\\\n", " ")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(line, " ")
		out = append(out, instruction{verb, strings.TrimSpace(rest)})
	}
	return out
}

// last is the value of the last instruction of a kind, which is in force.
func last(t testing.TB, file []instruction, verb string) string {
	t.Helper()
	value := ""
	for _, i := range file {
		if i.verb == verb {
			value = i.rest
		}
	}
	if value == "" {
		t.Fatalf("the Dockerfile has no %s", verb)
	}
	return value
}

// unit is the unit file: section and key to its values in order.
type unit map[string][]string

func meshdUnit(t testing.TB) unit {
	t.Helper()
	u, section := unit{}, ""
	for line := range strings.Lines(read(t, "systemd/meshd.service")) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				t.Fatalf("meshd.service: %q is no setting", line)
			}
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

func (u unit) one(t testing.TB, key string) string {
	t.Helper()
	if len(u[key]) != 1 {
		t.Fatalf("meshd.service has %d of %s", len(u[key]), key)
	}
	return u[key][0]
}

// envLines are the settings of the example environment file, those commented
// out included.
func envLines(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(read(t, "systemd/meshd.env")) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "#")
		if key, value, ok := strings.Cut(line, "="); ok && strings.HasPrefix(key, "MESHD_") {
			out[key] = value
		}
	}
	return out
}
