package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

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
