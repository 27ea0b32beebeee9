package inbox

import (
	"log/slog"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Service needs.
type Config struct {
	State consensus.State
	Part  *Part
	// Level is the command level that the mesh is at, or could be; nil:
	// consensus.Level.
	Level func() uint32
	// Leads says that this node leads: it alone proposes what time has brought
	// about (expired messages, parts of bodies nobody names). nil: always.
	Leads func() bool
	// Now is the clock; nil: time.Now.
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}
