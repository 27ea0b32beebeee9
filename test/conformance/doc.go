// Package conformance runs openCypher scenarios, written as its Technology
// Compatibility Kit writes them (Gherkin), against the query language.
//
// Its own scenarios are in testdata; Read takes any directory of feature files,
// so the public kit can be run from where it lies (`go run
// ./test/conformance/run -features DIR`). A graph is set up in memory, with
// CREATE, and asked there, or carried to a node over HTTPS and asked there.
package conformance
