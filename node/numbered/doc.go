// Package numbered is what parts of the replicated state share that keep records
// under numbers of their own, such as tasks and proposals: ids, keys of indexes,
// commands, refusals, and telling who watches of what was committed.
//
// It keeps nothing, and knows no record: each part has its own tables and its own
// format, of which what is here is a piece that must not change.
package numbered
