package consensus

import (
	"reflect"
	"sync"

	"github.com/hashicorp/raft"
)

// endWith makes a future of Raft's Apply end with Raft. An entry that waits for
// the state machine when Raft stops is never answered, and who waits for it
// would wait for ever. Futures have an exported field for just this,
// ShutdownCh, which Apply alone leaves empty; their type is not exported. It is
// read by Error only, so it must be set before that is called. It says whether
// it could; Raft's answer to an Apply after its end is no such future.
func endWith(f raft.Future, ended chan struct{}) bool {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	v = v.Elem()
	place, known := shutdownFields.Load(v.Type())
	if !known {
		var index []int
		if field, ok := v.Type().FieldByName("ShutdownCh"); ok && field.Type == reflect.TypeOf(ended) {
			index = field.Index
		}
		place, _ = shutdownFields.LoadOrStore(v.Type(), index)
	}
	index := place.([]int)
	if index == nil {
		return false
	}
	field := v.FieldByIndex(index)
	if !field.CanSet() {
		return false
	}
	field.Set(reflect.ValueOf(ended))
	return true
}

// shutdownFields remembers where each type of future has the field, since each
// entry looks for it.
var shutdownFields sync.Map
