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
	t.Logf("three voters after %s", time.Since(start))
	took(t, 6*time.Second, start, "forming")
}
