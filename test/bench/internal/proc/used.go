package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ticks is USER_HZ, which Linux has fixed at 100 for what /proc shows.
const ticks = 100

// CPUSeconds is what a process has used, of user and system time (proc(5)).
func CPUSeconds(pid int) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) / ticks
}

// WriteBytes is what a process sent towards the disk; 0 where that is not told.
func WriteBytes(pid int) float64 {
	return float64(field(fmt.Sprintf("/proc/%d/io", pid), "write_bytes:"))
}

// Memory is what a process has resident, what of it no file stands behind, and
// the most it ever had resident, in KiB.
func Memory(pid int) (rss, anon, peak int64) {
	name := fmt.Sprintf("/proc/%d/status", pid)
	return field(name, "VmRSS:"), field(name, "RssAnon:"), field(name, "VmHWM:")
}

func field(name, key string) int64 {
	data, _ := os.ReadFile(name)
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// Load is the number of runnable tasks in the last minute, as the system
// averages it: beside two processors, more than two of them waited.
func Load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(data), " ")
	return first
}

// SyncTimes is how long an fsync of 512 new bytes takes in dir: the half and
// the 99th of 100.
func SyncTimes(dir string) (at [2]time.Duration, err error) {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		return at, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var all []time.Duration
	block := make([]byte, 512)
	for range 200 {
		begun := time.Now()
		if _, err := f.Write(block); err != nil {
			return at, err
		}
		if err := f.Sync(); err != nil {
			return at, err
		}
		all = append(all, time.Since(begun))
	}
	slices.Sort(all)
	return [2]time.Duration{all[100].Round(time.Microsecond), all[197].Round(time.Microsecond)}, nil
}
