// Package house checks how the project is built: which way imports point, and
// that every package says what it is for.
package house
