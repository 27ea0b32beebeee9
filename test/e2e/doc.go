// Package e2e holds the whole-system tests: real processes, real TLS, real disks.
package e2e
