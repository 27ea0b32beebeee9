package graphsync

// Format is the number of the tables' format, which the state carries.
const Format = format
