package graphsync

// More kinds of counters.
const (
	countObservations byte = 'o' // without a type
	countVectors      byte = 'v' // by model
	countDimension    byte = 'd' // by model: of the namespace's vectors
)
