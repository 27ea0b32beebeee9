// Package house checks how the project is built: which way imports point,
// that every package says what it is for, and that what tests call a fault is
// written down.
package house
