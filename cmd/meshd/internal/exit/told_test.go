package exit

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func TestTellOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("it broke"), `{"error":"it broke","code":"FAILED","exit":1}`},
		{New(Usage, "no such\nflag.", "look at\n--help."), `{"error":"no such flag","code":"USAGE","next":"look at --help","exit":2}`},
		{fmt.Errorf("line 3: %w", New(Refused, "removed", "ask")), `{"error":"line 3: removed","code":"REFUSED","next":"ask","exit":4}`},
		{fmt.Errorf("reading: %w, twice", New(Unreachable, "away", "")), `{"error":"reading: away, twice","code":"UNREACHABLE","exit":3}`},
	} {
		got, err := json.Marshal(TellOf(c.err))
		if err != nil || string(got) != c.want {
			t.Errorf("%v: %s, want %s (%v)", c.err, got, c.want, err)
		}
	}
}
