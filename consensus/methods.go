package consensus

// Methods lists the calls between replicas: whoever implements Peers routes
// each of them to HandleCall at the other end.
func Methods() []string {
	return []string{methodPropose, methodTerm, methodReadIndex, methodRevision, methodStats, methodScrub, methodScan, methodVerdict}
}
