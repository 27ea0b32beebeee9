package httpapi

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
)

func TestReadOptions(t *testing.T) {
	var got consensus.ReadOptions
	info := consensus.ReadInfo{Revision: math.MaxUint64, Age: 1500 * time.Millisecond}
	h := mustBuild(t, testConfig(io.Discard),
		Op(Route{Method: "GET", Path: "/typed", Role: access.RoleViewer}, func(_ context.Context, in *struct{ ReadInput }) (*struct {
			ReadOutput
			Body StatusBody
		}, error) {
			o, err := in.Options()
			got = o
			return &struct {
				ReadOutput
				Body StatusBody
			}{Read(info), StatusBody{"read"}}, err
		}),
		Plain(Route{Method: "GET", Path: "/plain", Role: access.RoleViewer, Query: readQuery}, func(c *gin.Context) {
			o, err := ReadOptions(c.Request)
			got = o
			SetReadInfo(c.Writer.Header(), info)
			if err != nil {
				return
			}
			c.JSON(http.StatusOK, StatusBody{"read"})
		}),
	).Handler()
	tests := []struct {
		query, header string
		want          consensus.ReadOptions
		field         string // of the refusal
	}{
		{"", "", consensus.ReadOptions{}, ""},
		{"?consistency=stale&max_age=500ms", "", consensus.ReadOptions{MaxAge: 500 * time.Millisecond}, ""},
		{"?consistency=leader", "", consensus.ReadOptions{Consistency: consensus.Leader}, ""},
		{"?consistency=linearizable&min_revision=7", "5", consensus.ReadOptions{Consistency: consensus.Linearizable, MinRevision: 7}, ""},
		{"", "18446744073709551615", consensus.ReadOptions{MinRevision: math.MaxUint64}, ""},
		{"?consistency=strong", "", consensus.ReadOptions{}, "query.consistency"},
		{"?max_age=soon", "", consensus.ReadOptions{}, "query.max_age"},
		{"?max_age=-1s", "", consensus.ReadOptions{}, "query.max_age"},
		{"?max_age=1000h", "", consensus.ReadOptions{}, "query.max_age"},
		{"?consistency=leader&max_age=1s", "", consensus.ReadOptions{}, "query.max_age"},
		{"?min_revision=-1", "", consensus.ReadOptions{}, "query.min_revision"},
		{"?min_revision=1e3", "", consensus.ReadOptions{}, "query.min_revision"},
		{"", "18446744073709551616", consensus.ReadOptions{}, "header.X-Mesh-Min-Revision"},
	}
	for _, tt := range tests {
		for _, path := range []string{"/typed", "/plain"} {
			got = consensus.ReadOptions{}
			res := ask(t, h, "GET", path+tt.query, "", "X-API-Key: "+viewerKey, "X-Mesh-Min-Revision: "+tt.header)
			if got != tt.want {
				t.Errorf("%s%s: %+v", path, tt.query, got)
			}
			if tt.field != "" {
				if path == "/typed" {
					if e := refusal(t, res); e.Code != CodeInvalid || e.Details["field"] != tt.field {
						t.Errorf("%s%s: %s %v", path, tt.query, e.Code, e.Details)
					}
				}
				continue
			}
			if res.Header.Get("X-Mesh-Revision") != "18446744073709551615" || res.Header.Get("X-Mesh-Age-Ms") != "1500" {
				t.Errorf("%s%s: %d %v", path, tt.query, res.StatusCode, res.Header)
			}
		}
	}
}

func FuzzReadOptions(f *testing.F) {
	f.Add("stale", "5s", "1", "2")
	f.Add("leader", "", "", "18446744073709551616")
	f.Add("", "1h1h", "+1", " 1")
	f.Fuzz(func(t *testing.T, consistency, age, query, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		q := r.URL.Query()
		q.Set("consistency", consistency)
		q.Set("max_age", age)
		q.Set("min_revision", query)
		r.URL.RawQuery = q.Encode()
		r.Header["X-Mesh-Min-Revision"] = []string{header}
		o, err := ReadOptions(r)
		if err != nil {
			if (o != consensus.ReadOptions{}) {
				t.Errorf("refused with options %+v", o)
			}
			return
		}
		if o.MaxAge < 0 || o.MaxAge > maxMaxAge {
			t.Errorf("max age %v", o.MaxAge)
		}
		if n, err := strconv.ParseUint(header, 10, 64); err == nil && o.MinRevision < n {
			t.Errorf("revision %d is below %d", o.MinRevision, n)
		}
	})
}
