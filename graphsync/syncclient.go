package graphsync

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
)

// clientKey names a client in the tables: a hash of namespace, principal and
// the client's own name, so that nobody can speak for another's client.
type clientKey [16]byte

func clientOf(namespace, author, client string) (k clientKey) {
	sum := sha256.Sum256(consensus.Encode([]string{namespace, author, client}))
	copy(k[:], sum[:])
	return k
}

// clientRecord is a client's value in tClient.
type clientRecord struct {
	Last uint64 `cbor:"1,keyasint"` // mutation that is known
	At   int64  `cbor:"2,keyasint"` // ms, the hour of the last push
	// Own counts its entries in tClientOwn.
	Own uint64 `cbor:"3,keyasint,omitempty"`
	By  symbol `cbor:"4,keyasint,omitempty"` // the principal, for its share
	// Name is what the client calls itself in the namespace; from levelClients on.
	Name      string `cbor:"5,keyasint,omitempty"`
	Namespace string `cbor:"6,keyasint,omitempty"`
}

func (c *clientRecord) encode(b []byte) []byte {
	f := mapFields(b)
	f.uint(1, c.Last)
	f.int(2, c.At)
	f.uintIf(3, c.Own)
	f.uintIf(4, uint64(c.By))
	f.textIf(5, c.Name)
	f.textIf(6, c.Namespace)
	return f.end()
}

func (c *clientRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			c.Last = r.uint()
		case 2:
			c.At = r.int()
		case 3:
			c.Own = r.uint()
		case 4:
			c.By = symbol(r.uintTo(maxSymbol))
		case 5:
			c.Name = r.text()
		case 6:
			c.Namespace = r.text()
		default:
			return false
		}
		return true
	})
	return r.whole()
}

func decodeClient(v []byte) (clientRecord, error) {
	var c clientRecord
	if !c.read(v) {
		c = clientRecord{}
		if err := consensus.Decode(v, &c); err != nil {
			return c, fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	return c, nil
}

// decodeRun reads the results of a run of mutations, from tClientRun.
func decodeRun(v []byte) ([]outcome, error) {
	r := cborReader{b: v}
	if list := readOutcomes(&r); r.whole() {
		return list, nil
	}
	var list []outcome
	if err := consensus.Decode(v, &list); err != nil {
		return nil, fmt.Errorf("%w: %w", errRecord, err)
	}
	return list, nil
}

func (k clientKey) append(b []byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, k[:]...), n)
}

func appendClientAge(b []byte, ms int64, k clientKey) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(ms)), k[:]...)
}

// maxClientShare is how many clients are remembered of one principal. Tests lower it.
var maxClientShare uint64 = MaxSyncClients / 4

// countClients counts the clients of the mesh, and those of each principal, under
// no namespace.
const countClients byte = 'k'

// countClient counts a client in, or out by d = -1.
func (t *tx) countClient(by symbol, d int64) {
	t.tally(0, countClients, d)
	if by != 0 {
		t.totals[countKey{0, countClients, by}] += d
	}
}

// client returns what is known of a client; ok is false where nothing is.
func (t *tx) client(k clientKey) (rec clientRecord, ok bool, err error) {
	got := t.w.Get(tClient, k[:])
	if got == nil {
		return rec, false, nil
	}
	rec, err = decodeClient(got)
	return rec, err == nil, err
}

// roomForClient says whether another client of the author may be remembered; it
// forgets a few that have not pushed for long.
func (t *tx) roomForClient() *consensus.Refusal {
	const few = 2
	since := t.c.Time.Add(-ClientTime).UnixMilli()
	for range few {
		var age []byte
		for k := range t.w.Scan(tClientAge, nil, binary.BigEndian.AppendUint64(nil, uint64(max(since, 0)))) {
			age = append(age, k...)
			break
		}
		if len(age) != 8+len(clientKey{}) {
			break
		}
		t.forgetClient(clientKey(age[8:]), age)
	}
	if by := t.author(); by != 0 && t.total(0, countClients, by) >= maxClientShare {
		return refuse(CodeClients, "client_id", "the mesh remembers %d clients of this credential, which is as many as one may have", maxClientShare)
	}
	if t.total(0, countClients, 0) >= MaxSyncClients {
		return refuse(CodeClients, "client_id", "the mesh remembers %d clients, which is as many as it does", MaxSyncClients)
	}
	return nil
}

func (t *tx) forgetClient(k clientKey, age []byte) {
	t.changed = true
	for _, table := range []consensus.Table{tClientRun, tClientOwn} {
		for _, key := range t.keysUnder(table, k[:], keepResults+maxOwn) {
			t.w.Delete(table, key)
		}
	}
	if rec, ok, err := t.client(k); ok && err == nil {
		t.countClient(rec.By, -1)
	}
	t.w.Delete(tClient, k[:])
	t.w.Delete(tClientAge, age)
}

// putClient writes down what a push came to: the client's last mutation, the
// results of those from first on, and that the revision is its own. Base is
// the least revision that the client had seen: what it did up to there is no
// longer asked for.
func (t *tx) putClient(k clientKey, rec clientRecord, known bool, first, base uint64, results []outcome) {
	now := t.c.Time.Truncate(time.Hour).UnixMilli() // to the hour will do, and spares most pushes two writes
	if !known {
		rec.By = t.author()
		t.countClient(rec.By, 1)
	}
	if t.c.Level >= levelClients {
		rec.Name, rec.Namespace = t.cmd.Push.Client, t.cmd.Namespace
	}
	if !known || rec.At != now {
		t.w.Delete(tClientAge, appendClientAge(nil, rec.At, k))
		t.w.Put(tClientAge, appendClientAge(nil, now, k), nil)
	}
	rec.Last, rec.At = first+uint64(len(results))-1, now
	t.w.Put(tClientRun, k.append(nil, first), appendOutcomes(nil, results))
	if rec.Last > keepResults {
		t.dropRuns(k, rec.Last-keepResults)
	}
	if own := k.append(nil, t.c.Revision); t.w.Get(tClientOwn, own) == nil {
		t.w.Put(tClientOwn, own, nil)
		rec.Own++
	}
	rec.Own -= min(rec.Own, t.dropOwn(k, base, rec.Own))
	t.w.Put(tClient, k[:], rec.encode(nil))
}

// dropRuns forgets the runs all of which lie before a mutation.
func (t *tx) dropRuns(k clientKey, before uint64) {
	var last []byte
	var drop [][]byte
	for key := range t.w.Scan(tClientRun, k[:], k.append(nil, before+1)) {
		if last != nil {
			drop = append(drop, last)
		}
		last = append([]byte(nil), key...)
	}
	for _, key := range drop {
		t.w.Delete(tClientRun, key)
	}
}

// dropOwn forgets a client's own revisions up to base, and the oldest beyond
// the bound.
func (t *tx) dropOwn(k clientKey, base, have uint64) (dropped uint64) {
	var drop [][]byte
	for key := range t.w.Scan(tClientOwn, k[:], k.append(nil, t.c.Revision)) {
		if readRev(key) > base && have-dropped <= maxOwn {
			break
		}
		drop = append(drop, append([]byte(nil), key...))
		dropped++
	}
	for _, key := range drop {
		t.w.Delete(tClientOwn, key)
	}
	return dropped
}
