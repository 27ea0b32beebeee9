// Package httpapi is what a client sees of a node: the engine, the route table
// on one page (routes.go), the middleware in its one written order, the error
// catalogue and the shapes of requests and answers.
//
// It holds no state of the mesh and no rule of the domain: it decodes, asks the
// services below and encodes. It does not listen, terminate TLS or own a
// socket; whoever serves a port hands it connections.
//
// It promises that nothing but the public routes answers a stranger, that every
// refusal has the shape of Error with a code from the catalogue, and that
// whatever a client sends is bounded in size and time. DESIGN.md says how.
package httpapi
