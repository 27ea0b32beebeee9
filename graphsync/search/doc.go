// Package search is an inverted index in memory: words ranked by BM25, parts of
// words by trigrams, and vectors scanned exactly, over documents that are put
// in and taken out by id.
//
// It is a pure core: no clock, no goroutine, no I/O. It keeps no text: who asks
// for snippets or for an exact substring hands the text in again. It knows
// nothing of graphs, revisions or where documents come from, and it decides no
// access; a namespace has an index of its own, so that neither results nor word
// statistics of one are seen in another.
//
// It promises that a query sees each batch of changes whole or not at all; that
// queries never wait for a writer; and that no query, however written, does more
// than a bounded amount of work. DESIGN.md says how.
package search
