package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// figures counts requests by method, route template and status: three bounded
// sets, whatever clients send.
type figures struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	watching *prometheus.GaugeVec
	ended    *prometheus.CounterVec
}

func newFigures(r prometheus.Registerer) *figures {
	f := &figures{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_http_requests_total", Help: "Requests answered, by method, route template and status.",
		}, []string{"method", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meshd_http_request_seconds", Help: "Time to answer a request, by method and route template.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10},
		}, []string{"method", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meshd_http_in_flight", Help: "Requests being answered.",
		}),
		watching: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "meshd_graph_watchers", Help: "Clients that follow the graph at this node over HTTP, by way: sse, lines or longpoll.",
		}, []string{"feed"}),
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meshd_graph_watches_ended_total", Help: "Streams of the graph's changes that ended, by why: GONE is the client's own end, READS_NOTHING a client that took nothing for 30 s, others are codes it was told.",
		}, []string{"reason"}),
	}
	if r != nil {
		r.MustRegister(f.requests, f.seconds, f.inFlight, f.watching, f.ended)
	}
	return f
}

func (f *figures) observe(method, route string, status int, took time.Duration) {
	f.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	f.seconds.WithLabelValues(method, route).Observe(took.Seconds())
}

// boundedMethod keeps invented methods out of labels and logs.
func boundedMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace:
		return m
	}
	return "OTHER"
}

// metrics answers /metrics in the text format of Prometheus.
func (a *API) metrics() gin.HandlerFunc {
	gatherer := a.cfg.Gatherer
	if gatherer == nil {
		gatherer = prometheus.NewRegistry()
	}
	h := promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{DisableCompression: true, ErrorHandling: promhttp.ContinueOnError})
	return gin.WrapH(h)
}
