package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/consensus"
)

// A backup is told by the time of what it holds, which is not when it was taken.
func TestBackupIsToldByItsState(t *testing.T) {
	info := consensus.BackupInfo{Revision: 7, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Created: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	raw, err := json.Marshal(describe("x", info))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(raw); !strings.Contains(s, `"state_time":"2026-01-02T03:04:05Z"`) || !strings.Contains(s, `"created_at":"2026-05-06T07:08:09Z"`) || strings.Contains(s, `"time"`) {
		t.Error(s)
	}
	var out bytes.Buffer
	a := &app{out: &out, err: &out}
	if err := a.describeBackup("x", info); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, info.Time.Local().Format(time.RFC1123)) || strings.Contains(s, info.Created.Local().Format(time.RFC1123)) {
		t.Error(s)
	}
}

// fullDisk is standard output on a disk without room.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Standard output that takes nothing is no fault of what was typed.
func TestBackupIntoAFullDisk(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	s := newStandIn(t, map[string]string{"GET /backup": "something"})
	var errOut bytes.Buffer
	code := run([]string{"backup", "-", "--recipient", key.Recipient().String()}, strings.NewReader(""), fullDisk{}, &errOut,
		config.System{UID: 1000, Home: t.TempDir(), Environ: []string{"MESHD_DATA=" + s.data}})
	if code != 1 || !strings.Contains(errOut.String(), "the backup cannot be written: no space left on device; make room") {
		t.Errorf("exit %d, said %q", code, &errOut)
	}
}

// A file that its key does not open may be damaged where it says who opens it.
func TestDamagedHeaderIsNotOnlyTheWrongKey(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, key.Recipient())
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	at := bytes.Index(sealed.Bytes(), []byte("\n---"))
	wrapped := &sealed.Bytes()[at-10] // a letter of the wrapped key
	if *wrapped == 'A' {
		*wrapped = 'B'
	} else {
		*wrapped = 'A'
	}
	file, keys := filepath.Join(dir, "sealed"), filepath.Join(dir, "key")
	if err := errors.Join(os.WriteFile(file, sealed.Bytes(), 0o600), os.WriteFile(keys, []byte(key.String()), 0o600)); err != nil {
		t.Fatal(err)
	}
	var errOut bytes.Buffer
	code := run([]string{"restore", file, "--check", "--identity", keys}, strings.NewReader(""), &errOut, &errOut, config.System{UID: 1000, Home: dir})
	if code != 4 || !strings.Contains(errOut.String(), "if it is the right one, the file is damaged") {
		t.Errorf("exit %d, said %q", code, &errOut)
	}
}
