package consensus

import (
	"testing"
	"time"
)

// With the settings that people run: three voters soon after the third joined.
func TestThreeVotersAtDefaultSettings(t *testing.T) {
	t.Parallel()
	start := time.Now()
	mesh(t, 3, func(c *Config) {
		c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = 0, 0, 0
		c.hooks.health = healthTimes{}
	})
	if d := time.Since(start); d > 6*time.Second {
		t.Errorf("three voters after %s", d)
	} else {
		t.Logf("three voters after %s", d)
	}
}
