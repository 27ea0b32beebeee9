package inbox

// HashNode is a number for a node id, 0 for none: Due.Node is one.
func HashNode(id string) uint32 { return hashNode([]byte(id)) }

func hashNode(id []byte) uint32 {
	if len(id) == 0 {
		return 0
	}
	return hash(id) | 1
}
