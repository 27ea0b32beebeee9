package config

import (
	"fmt"
	"os"
	"path/filepath"
)

// System is what the configuration takes from the machine, so that tests can
// stand in for it.
type System struct {
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// UID is the user, -1 where there is no such thing.
	UID int
	// Home is the user's home directory, "" if unknown.
	Home string
}

// ThisSystem is the machine the process runs on.
func ThisSystem() System {
	home, _ := os.UserHomeDir()
	return System{Environ: os.Environ(), UID: os.Getuid(), Home: home}
}

// Get returns a variable of the environment; the last wins, as for execve.
func (s System) Get(name string) string {
	for i := len(s.Environ) - 1; i >= 0; i-- {
		if k, v, ok := cut(s.Environ[i]); ok && k == name {
			return v
		}
	}
	return ""
}

// DefaultData is the directory of a node that was told none: /var/lib/meshd
// for root, else meshd in the user's data directory (XDG Base Directory
// Specification).
func (s System) DefaultData() string {
	if s.UID == 0 {
		return "/var/lib/meshd"
	}
	if xdg := s.Get("XDG_DATA_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "meshd")
	}
	if s.Home != "" {
		return filepath.Join(s.Home, ".local", "share", "meshd")
	}
	return "meshd-data"
}

// Cache is the directory for what may be forgotten, "" if there is none.
func (s System) Cache() string {
	if xdg := s.Get("XDG_CACHE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "meshd")
	}
	if s.Home != "" {
		return filepath.Join(s.Home, ".cache", "meshd")
	}
	return ""
}

// Data is the directory of the node that a verb asks: the flag's, the
// environment's, the one a named configuration file says, or the default. It
// checks the variables' names on the way, as Load does.
func Data(sys System, flag string) (string, error) {
	if err := CheckEnviron(sys.Environ); err != nil {
		return "", err
	}
	if flag == "" {
		flag = sys.Get("MESHD_DATA")
	}
	if flag == "" && sys.Get("MESHD_CONFIG") != "" {
		c, err := Load(Options{System: sys})
		if err != nil {
			return "", err
		}
		flag = c.Data
	}
	if flag == "" {
		flag = sys.DefaultData()
	}
	dir, err := filepath.Abs(flag)
	if err != nil {
		return "", fmt.Errorf("finding the data directory: %w", err)
	}
	return dir, nil
}
