//go:build !linux

package program

var roles map[string]func()
