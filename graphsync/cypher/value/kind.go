package value

var kindNames = [...]string{
	KindNull:          "null",
	KindBool:          "a boolean",
	KindInt:           "an integer",
	KindFloat:         "a float",
	KindString:        "a string",
	KindList:          "a list",
	KindMap:           "a map",
	KindNode:          "a node",
	KindRel:           "a relationship",
	KindPath:          "a path",
	KindDate:          "a date",
	KindLocalTime:     "a local time",
	KindTime:          "a time",
	KindLocalDateTime: "a local date and time",
	KindDateTime:      "a date and time",
	KindDuration:      "a duration",
}

// String names the kind for a sentence.
func (k Kind) String() string { return kindNames[k] }
