package intake

import (
	"encoding/json"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// FuzzEvent: looking for the fields finds what decoding all of it would.
func FuzzEvent(f *testing.F) {
	for _, seed := range []string{
		`{"id":"4711","type":"sos","time":"2026-11-23T08:00:00+08:00","data":{"battery":80}}`,
		`{"id":17,"type":"s\u006fs","time":1795000000,"data":null,"more":[{"type":"fall"},"}"]}`,
		` {"ID":-1,"Type":"sos","tYpe":null,"\u0069d":"x","data":{"id":"y"},"data":7}`,
		"{\"id\":\"\xff\",\"type\":\"\xff\"}", `{"type":7}`, `{"id":{}}`, `null`, `[]`, `"sos"`, `{"type":"sos"`, `{}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		var want struct {
			ID   identity        `json:"id"`
			Type devices.Type    `json:"type"`
			Time lenientTime     `json:"time"`
			Data json.RawMessage `json:"data"`
		}
		err := json.Unmarshal(payload, &want)
		got, rejected := parseEvent(payload)
		if refused := err != nil || want.Type == ""; refused != (rejected != nil) {
			t.Fatalf("refused with %v, want %v of %+v", rejected, err, want)
		} else if refused {
			return
		}
		r := got[0]
		if r.ID != string(want.ID) || r.Type != want.Type || !r.Observed.Equal(want.Time.Time) || string(r.Data) != string(want.Data) {
			t.Errorf("%+v, want %+v", r, want)
		}
	})
}
