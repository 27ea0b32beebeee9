// Package client asks a mesh from a Go program: over HTTPS, with nodes known by
// their pins and the program by its API key.
//
// A Client knows several nodes and asks the next when one does not answer. What
// it may repeat without harm it repeats, for a while; what refuses it is an
// *Error with the code of the error catalogue. It reads what it wrote: the
// revision of its last write goes with its reads.
//
// Agent is a program attached to the mesh as an agent, or as a sender without a
// name: it sends, asks, publishes, subscribes, and takes what is sent to it, live
// and from its inbox, through broken connections and lost nodes. A live message
// comes once at most, and its sender hears what is known of it; a durable one
// comes until it is acknowledged.
//
// Offline is a replica of one namespace in a file, for programs that may be cut
// off: a laptop, a phone, a robot. It answers reads from the file, its own
// writes included, keeps writes until the mesh can be reached, and then catches
// up: each write takes effect once, and what is at odds with what others did is
// listed. DESIGN.md says how.
//
// It is no cache in front of a mesh and no merge of meshes: the mesh has the
// order of things, and the last word.
package client
