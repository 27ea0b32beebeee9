package main

import (
	"path/filepath"

	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// startMesh makes a mesh of three on loopback with default settings.
func startMesh(s settings) (*cluster, error) {
	m, err := mesh.Start(filepath.Join(s.bin, "meshd"), s.dir, 3)
	return &cluster{
		name: "meshd", targets: []string{"http", "ws"}, bin: s.bin,
		processes: m.Processes, lead: m.Leader, access: []string{"-key", m.KeyFile},
		logged: func(p *proc.Process) (float64, error) { return m.Metric(p, "meshd_consensus_entry_bytes_sum") },
		count: func(p *proc.Process) (int, error) {
			var stats struct {
				Nodes int `json:"nodes"`
				Total int `json:"node_count"`
			}
			err := m.Ask(p, "/graph/stats?session_id=bench&consistency=linearizable", &stats)
			return max(stats.Nodes, stats.Total), err
		},
	}, err
}
