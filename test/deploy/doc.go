// Package deploy proves the operators' files in the folder deploy: what they
// say exists in the program, and the commands and environment they give it
// make a mesh, here by real processes on loopback.
//
// It is not a test of Docker or systemd: what an engine or a service manager
// would do with the files is done by hand.
package deploy
