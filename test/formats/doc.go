// Package formats keeps what earlier versions of meshd wrote to disk: the data
// directory of a node with log, snapshot, state, trust and identity, and a
// backup. Its test opens each with the program as it is now and reads
// everything back. testdata/N is never changed once a release has written
// format N; when a format gets a new number, `make freeze FORMAT=N` adds the
// next directory beside the old ones.
//
// The keys in testdata belong to nobody: they were made for it.
package formats
