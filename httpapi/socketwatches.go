package httpapi

import "sync"

// socketWatches are the watches of one WebSocket, by their ids. The zero value
// is empty; safe for concurrent use.
type socketWatches struct {
	mu   sync.Mutex
	byID map[string]*socketWatch
}

// add is false where there is one of that id.
func (w *socketWatches) add(f *socketWatch) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID[f.ID] != nil {
		return false
	}
	if w.byID == nil {
		w.byID = make(map[string]*socketWatch)
	}
	w.byID[f.ID] = f
	return true
}

func (w *socketWatches) remove(f *socketWatch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byID[f.ID] == f {
		delete(w.byID, f.ID)
	}
}

// end stops a watch, and is false where there is none of that id.
func (w *socketWatches) end(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.byID[id]
	if f == nil {
		return false
	}
	f.ended()
	delete(w.byID, id)
	return true
}
