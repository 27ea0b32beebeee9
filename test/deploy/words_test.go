package deploy

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/test/realmesh"
)

// variables are those the program knows.
func variables(t *testing.T) []string {
	t.Helper()
	r := realmesh.Command(t, "", "config", "show", "--json", "--data", t.TempDir())
	var keys []struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &keys); err != nil || len(keys) == 0 {
		t.Fatalf("config show --json: %v\n%s%s", err, r.Stdout, r.Stderr)
	}
	known := []string{"MESHD_NODE", "MESHD_PIN", "MESHD_KEY", "MESHD_KEY_FILE", "MESHD_CONFIG", "MESHD_JOIN_TOKEN_FILE", "MESHD_API_KEY_FILE"}
	for _, k := range keys {
		known = append(known, "MESHD_"+strings.ToUpper(strings.ReplaceAll(k.Key, ".", "_")))
	}
	return known
}

// Every variable that any of the files names is one.
func TestVariablesExist(t *testing.T) {
	known := variables(t)
	named := regexp.MustCompile(`MESHD_[A-Z_]+`)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, v := range named.FindAllString(string(data), -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s names %s, which meshd does not know", path, v)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Every command that the pages give is accepted by the program: the verb is
// there and has the flags.
func TestCommandsExist(t *testing.T) {
	// Commands stand in code: a line of a block, or between backquotes.
	command := regexp.MustCompile("(?m)meshd ((?:[a-z]+ ?)+)((?: ?--?[a-z-]+(?:[ =][^ `|>)]+)?)*)")
	flag := regexp.MustCompile(`--[a-z-]+`)
	helps := map[string]string{}
	help := func(verb string) string {
		if _, ok := helps[verb]; !ok {
			r := realmesh.Command(t, "", append(strings.Fields(verb), "--help")...)
			if r.Code != 0 || strings.Contains(r.Stdout, "meshd VERB\n") {
				r.Stdout = ""
			}
			helps[verb] = r.Stdout
		}
		return helps[verb]
	}
	found := 0
	for _, text := range code(read(t, "README.md") + read(t, "docker/compose.yaml")) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[1])
			verb := words[0]
			if len(words) > 1 && slices.Contains([]string{"token", "apikey", "graph", "config"}, verb) {
				verb += " " + words[1]
			}
			found++
			h := help(verb)
			if h == "" {
				t.Errorf("%q: there is no verb %q", m[0], verb)
				continue
			}
			for _, f := range flag.FindAllString(m[2], -1) {
				if !strings.Contains(h, f+" ") {
					t.Errorf("%q: meshd %s has no flag %s", m[0], verb, f)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("only %d commands were found in the pages: has their form changed?", found)
	}
}

// code returns what stands in code blocks, spans, and comments that are
// commands.
func code(page string) []string {
	var out []string
	block := regexp.MustCompile("(?s)```[a-z]*\n(.*?)```")
	for _, m := range block.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	page = block.ReplaceAllString(page, "")
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	for _, m := range regexp.MustCompile(`(?m)^# +(docker compose .*)$`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// The image runs a verb there is, as a user who owns the data directory, and
// its health check is what a container without a shell can run.
func TestDockerfile(t *testing.T) {
	file := dockerfile(t)
	var entry, args, check []string
	argv := func(value string, into *[]string) {
		t.Helper()
		if err := json.Unmarshal([]byte(value), into); err != nil {
			t.Fatalf("%s is not the form without a shell: %v", value, err)
		}
	}
	argv(last(t, file, "ENTRYPOINT"), &entry)
	argv(last(t, file, "CMD"), &args)
	_, probe, _ := strings.Cut(last(t, file, "HEALTHCHECK"), "CMD ")
	argv(probe, &check)
	if len(entry) != 1 || len(check) < 2 || entry[0] != check[0] {
		t.Fatalf("entry point %q, health check %q", entry, check)
	}
	for _, verb := range [][]string{args, check[1:]} {
		if r := realmesh.Command(t, "", append(verb, "--help")...); r.Code != 0 {
			t.Errorf("%q: %s", verb, r.Stderr)
		}
	}

	data := last(t, file, "VOLUME")
	user := last(t, file, "USER")
	var installed, owned bool
	for _, i := range file {
		words := strings.Fields(i.rest)
		if i.verb != "COPY" || len(words) == 0 {
			continue
		}
		installed = installed || words[len(words)-1] == entry[0]
		owned = owned || words[len(words)-1] == data && slices.Contains(words, "--chown="+user)
	}
	if !installed {
		t.Errorf("nothing is copied to %s", entry[0])
	}
	if !owned || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("%s is not given to %s", data, user)
	}
	if env := last(t, file, "ENV"); env != "MESHD_DATA="+data {
		t.Errorf("the volume is %s and the environment %s", data, env)
	}
}

// The build sees every file the binary is made of, under the linker's name for
// the release that the Makefile uses.
func TestBuildContext(t *testing.T) {
	ignored := strings.Fields(read(t, "docker/Dockerfile.dockerignore"))
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "github.com/meshd/meshd/cmd/meshd")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		rest, ours := strings.CutPrefix(path, "github.com/meshd/meshd/")
		if !ours {
			continue
		}
		if top, _, _ := strings.Cut(rest, "/"); !slices.Contains(ignored, "!"+top) {
			t.Errorf("the image needs %s, which its build does not see", path)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(folder, "../Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	set := regexp.MustCompile(`-X \S+=`)
	if a, b := set.FindString(string(makefile)), set.FindString(read(t, "docker/Dockerfile")); a == "" || a != b {
		t.Errorf("the Makefile sets the release by %q, the Dockerfile by %q", a, b)
	}
}

// The compose file: three nodes that differ, whose environment the program
// accepts; one founds, the others join.
func TestCompose(t *testing.T) {
	all := services(t)
	if len(all) != 3 {
		t.Fatalf("%d services", len(all))
	}
	founders, ports := 0, map[string]bool{}
	for name, s := range all {
		if s.Hostname != name || s.Environment["MESHD_ADVERTISE"] != name {
			t.Errorf("service %s is named %q and advertises %q", name, s.Hostname, s.Environment["MESHD_ADVERTISE"])
		}
		if s.Restart != "unless-stopped" || s.Grace == "" {
			t.Errorf("service %s: restart %q, grace %q", name, s.Restart, s.Grace)
		}
		if len(s.Ports) != 1 || ports[s.Ports[0]] || !strings.HasSuffix(s.Ports[0], ":7443") {
			t.Errorf("service %s publishes %q", name, s.Ports)
		} else {
			ports[s.Ports[0]] = true
		}
		if _, err := os.Stat(filepath.Join(folder, "docker", s.Build.Context, s.Build.Dockerfile)); err != nil {
			t.Errorf("service %s: %v", name, err)
		}
		token := s.Environment["MESHD_JOIN_TOKEN_FILE"]
		switch {
		case s.Environment["MESHD_INIT"] == "true" && token == "":
			founders++
		case s.Environment["MESHD_INIT"] == "" && len(s.Secrets) == 1 && token == "/run/secrets/"+s.Secrets[0]:
		default:
			t.Errorf("service %s neither founds nor joins: %v", name, s.Environment)
		}
		r := runMeshd(t, append(list(s.Environment), "MESHD_DATA="+t.TempDir()), "config", "check")
		if r.Code != 0 {
			t.Errorf("service %s: %s", name, r.Stderr)
		}
	}
	if founders != 1 {
		t.Errorf("%d services found a mesh", founders)
	}
}

// The unit: a verb there is, a directory that it is given, a credential under
// the path the environment names, and no restart of what was refused.
func TestUnit(t *testing.T) {
	u := meshdUnit(t)
	verb := strings.Fields(u.one(t, "Service.ExecStart"))
	if r := realmesh.Command(t, "", append(verb[1:], "--help")...); r.Code != 0 {
		t.Errorf("ExecStart: %s", r.Stderr)
	}
	data := "/var/lib/" + u.one(t, "Service.StateDirectory")
	if env := u.one(t, "Service.Environment"); env != "MESHD_DATA="+data {
		t.Errorf("the state directory is %s and the environment %s", data, env)
	}
	lines := envLines(t)
	want := "/run/credentials/meshd.service/" + u.one(t, "Service.LoadCredential")
	if got := lines["MESHD_JOIN_TOKEN_FILE"]; got != want {
		t.Errorf("the environment file names the token %q, the unit %q", got, want)
	}
	if !slices.Contains(strings.Fields(u.one(t, "Service.RestartPreventExitStatus")), "4") {
		t.Error("a removed node would be restarted for ever")
	}
	lines["MESHD_DATA"] = t.TempDir()
	if r := runMeshd(t, list(lines), "config", "check"); r.Code != 0 {
		t.Errorf("meshd.env: %s", r.Stderr)
	}
	user := u.one(t, "Service.User")
	if !strings.Contains(read(t, "systemd/meshd.sysusers"), "\nu "+user+" - ") {
		t.Errorf("nothing makes the user %s", user)
	}
}
