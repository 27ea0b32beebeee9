package main

import (
	"path/filepath"

	"github.com/meshd/meshd/test/bench/internal/mesh"
)

// startMesh makes a mesh of three on loopback with default settings. The first
// node leads.
func startMesh(s settings) (*cluster, error) {
	m, err := mesh.Start(filepath.Join(s.bin, "meshd"), s.dir, 3)
	c := &cluster{name: "meshd", processes: m.Processes, access: []string{"-key", m.KeyFile}}
	// The third of a cluster leads, where neither publishers nor consumers are.
	if len(c.processes) == 3 {
		p := c.processes
		p[0], p[1], p[2] = p[1], p[2], p[0]
	}
	if s.hello != "" {
		c.access = append(c.access, "-hello", s.hello)
	}
	return c, err
}
