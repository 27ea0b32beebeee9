// Package tracing follows single messages and tasks across the nodes of a mesh:
// who wants to know says so in a W3C trace context, each node records what it
// did under it in a ring of bounded size, and whoever asks later puts together
// what the nodes still have.
//
// It is not a tracing library: a span has a name, a few words and two times, is
// kept in memory only, and nothing is sent anywhere. It promises that a message
// that is not traced costs one comparison of its trace context, and that traces
// cost no more memory than their ring, whoever asks for how many.
//
// Source: W3C Trace Context, https://www.w3.org/TR/trace-context/
package tracing
