package roster

import "github.com/meshd/meshd/consensus"

// Replicas says which Raft configuration the roster wants: every member that
// holds a replica, by its current raft id. It is what consensus.Config.Replicas
// asks for.
func (r *Roster) Replicas() []consensus.Replica {
	out := make([]consensus.Replica, 0, len(r.Members))
	for _, m := range r.Members {
		if m.Role == RoleMember {
			out = append(out, consensus.Replica{RaftID: m.RaftID, NoVote: m.NoVote, Leaving: m.Leaving})
		}
	}
	return out
}
