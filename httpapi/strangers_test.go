package httpapi

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Requests of strangers are counted: those of one address, and all. Who has a
// credential is not, nor refused for them, at public routes either.
func TestStrangersUnderWayAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name      string
		crowd     *crowd
		here, far int // what strangers get at the crowded address, and at another
		code      string
	}{
		{"address", newCrowd(8, 4), 429, 200, CodeRateLimited},
		{"all", newCrowd(4, 4), 503, 503, CodeOverloaded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := mustBuild(t, testConfig(io.Discard))
			a.crowd = tt.crowd
			for range 4 {
				if ok, _ := a.crowd.enter("2001:db8::1", 1); !ok {
					t.Fatal("full before the bound")
				}
			}
			get := func(from, target string, header ...string) *http.Response {
				r := httptest.NewRequest("GET", target, nil)
				r.Host, r.RemoteAddr = "node1.lan:7443", from
				for _, line := range header {
					name, value, _ := strings.Cut(line, ": ")
					r.Header.Set(name, value)
				}
				w := httptest.NewRecorder()
				a.Handler().ServeHTTP(w, r)
				return w.Result()
			}
			const here, far = "[2001:db8::2]:1", "192.0.2.7:1"
			res := get(here, "/health")
			if e := refusal(t, res); e.Code != tt.code || res.StatusCode != tt.here || res.Header.Get("Retry-After") == "" {
				t.Errorf("%d %+v", res.StatusCode, e)
			}
			if res := get(here, "/health", "X-API-Key: no"); res.StatusCode != tt.here {
				t.Errorf("a wrong key got %d", res.StatusCode)
			}
			if res := get(far, "/health"); res.StatusCode != tt.far {
				t.Errorf("a stranger elsewhere got %d", res.StatusCode)
			}
			for _, target := range []string{"/health", "/echo"} {
				if res := get(here, target, "X-API-Key: "+viewerKey); res.StatusCode != 200 {
					t.Errorf("%s with a credential: %d", target, res.StatusCode)
				}
			}
			a.crowd.leave("2001:db8::1")
			if res := get(here, "/health"); res.StatusCode != 200 {
				t.Errorf("after one left: %d", res.StatusCode)
			}
			if a.crowd.all != 3 {
				t.Errorf("%d are counted of 3", a.crowd.all)
			}
		})
	}
}

// Streams whose answers a stranger does not take are under way: no more of them
// are held than the bound, and as many refusals.
func TestAStrangerHoldsFewStreams(t *testing.T) {
	a := mustBuild(t, testConfig(io.Discard))
	a.strangers = newLimiter(1e6, 1e6, 10)
	a.crowd = newCrowd(100, 4)
	a.crowd.takes = time.Hour
	url, client := serveTLS(t, a)
	c, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(until))
	// RFC 9113 and RFC 7541: windows of no bytes, then GET of a path at localhost.
	const headers, reset, settings, streams = 1, 3, 4, 20
	frame := func(kind, flags byte, stream uint32, payload string) {
		b := []byte{0, 0, byte(len(payload)), kind, flags}
		if _, err := c.Write(append(binary.BigEndian.AppendUint32(b, stream), payload...)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	frame(settings, 0, 0, "\x00\x04\x00\x00\x00\x00")
	answered, ended := 0, 0
	for i := range streams {
		path := "\x07/health"
		if i%2 == 1 {
			path = "\x07/secret" // refused before anything is counted
		}
		frame(headers, 0x5, uint32(2*i+1), "\x82\x87\x44"+path+"\x41\x09localhost")
		for before := answered + ended; answered+ended == before; {
			var head [9]byte
			if _, err := io.ReadFull(c, head[:]); err != nil {
				t.Fatalf("%d answered, %d ended, and then: %v", answered, ended, err)
			}
			if _, err := io.CopyN(io.Discard, c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
				t.Fatal(err)
			}
			switch head[3] {
			case headers:
				answered++
			case reset:
				ended++
			}
		}
	}
	if answered != 8 || ended != streams-8 {
		t.Errorf("%d are answered and %d ended, of %d", answered, ended, streams)
	}
	req, err := http.NewRequest("GET", url+"/health", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", viewerKey)
	res, err := client.Do(req)
	if err != nil || res.StatusCode != 200 || res.ProtoMajor != 2 {
		t.Fatalf("who has a credential, from the same address: %v %v", res, err)
	}
	_ = res.Body.Close()
	_ = c.Close()
	for end := time.Now().Add(until); ; time.Sleep(time.Millisecond) {
		a.crowd.mu.Lock()
		left := a.crowd.all
		a.crowd.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d are under way after the connection is gone", left)
		}
	}
}
