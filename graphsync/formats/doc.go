// Package formats reads and writes files of graphs: JSON lines, CSV, N-Quads,
// JSON-LD, GraphML, the file of the MCP reference memory server, and the sources
// of two well-known graphs. It is not an import: it knows neither namespaces nor
// limits of what is stored, and writes nothing anywhere.
//
// The form between all of them is the import line, one JSON object (Record has
// its shape). A Reader turns a file into import lines, with the line each began
// at; a Writer turns the import lines of an export into a file.
//
// It promises: memory is bounded whatever the input, by MaxLine a record and
// what the readers' comments name beside it; text that is not UTF-8 is refused;
// what a Writer wrote, the Reader of that format reads as the same records.
// Everything runs on the caller's goroutine.
package formats
