// Package proposal lets the agents of a mesh decide something together: one of
// them proposes, those who may vote are fixed at that moment with the weight
// of their vote, and the replicated state itself decides by quorum and share,
// the same at every node.
//
// It does not do what was decided: who proposed, or whoever listens, acts. And
// it is no secret ballot: votes are shown with who gave them.
//
// It promises that a proposal is decided once, at its expiry at the latest;
// that an agent has one vote, which it may change until then; and that nobody
// who joins later changes what a quorum is. DESIGN.md says how.
package proposal
