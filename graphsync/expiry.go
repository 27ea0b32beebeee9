package graphsync

import (
	"encoding/binary"
)

// over says that a time to end has come, by the command.
func (t *tx) over(expires int64) bool { return expires != 0 && expires <= t.c.Time.UnixMilli() }

// reschedule moves a thing's entry in the table of what ends by itself; 0 is
// never. An entry that is left behind does no harm: whoever comes to it looks
// whether the thing still says so.
func (t *tx) reschedule(id uint64, kind changeKind, old, now int64) {
	if old == now {
		return
	}
	if old != 0 {
		t.w.Delete(tExpiry, appendExpiryKey(nil, old, id))
	}
	if now != 0 {
		t.w.Put(tExpiry, appendExpiryKey(nil, now, id), []byte{byte(kind)})
	}
}

func appendExpiryKey(b []byte, ms int64, id uint64) []byte {
	return appendID(binary.BigEndian.AppendUint64(b, uint64(ms)), id)
}
