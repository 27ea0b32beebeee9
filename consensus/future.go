package consensus

import (
	"reflect"

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
	field := v.Elem().FieldByName("ShutdownCh")
	if !field.IsValid() || !field.CanSet() || field.Type() != reflect.TypeOf(ended) {
		return false
	}
	field.Set(reflect.ValueOf(ended))
	return true
}
