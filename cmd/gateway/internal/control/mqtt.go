package control

import (
	"encoding/json"
	"net/http"

	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/texts"
)

// brokerHandler shows what is at the embedded broker:
//
//	GET /v1/mqtt/clients              its sessions
//	GET /v1/mqtt/watch?filter=FILTER  messages as they come, a JSON document each, until the asker hangs up
//
// b is nil where somebody else's broker is used.
func brokerHandler(b *mqtt.Broker) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/mqtt/clients", func(w http.ResponseWriter, r *http.Request) { answer(w, r, b.Clients(), nil) })
	mux.HandleFunc("GET /v1/mqtt/watch", func(w http.ResponseWriter, r *http.Request) {
		filter := r.URL.Query().Get("filter")
		messages, stop, err := b.Watch(filter)
		if err != nil {
			answer(w, r, nil, texts.Errorf(texts.MQTT.BadFilter, filter))
			return
		}
		defer stop()
		w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
		flush, out := http.NewResponseController(w), json.NewEncoder(w)
		_ = flush.Flush() // the asker sees that it is connected
		for {
			select {
			case m := <-messages:
				if out.Encode(m) != nil || flush.Flush() != nil {
					return
				}
			case <-r.Context().Done():
				return
			}
		}
	})
	if b != nil {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, nil, texts.Errorf(texts.MQTT.NotHere)) })
}
