package client_test

import (
	"testing"

	"go.uber.org/goleak"
)

// What a Client or an Agent has started ends with it.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
