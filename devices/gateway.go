package devices

import "errors"

// KindGateway is the kind of the box itself.
const KindGateway Kind = "gateway"

// GatewayDevice is the Device of the events in which the box journals what it
// did itself.
const GatewayDevice = "gateway"

// Rejected keeps a report that could not be used, or not all of it, for
// inspection: it is acknowledged, counted, and changes nothing else.
//
//	{"reason":"not_json","detail":"…","topic":"linli/v1/l1/event","payload":"first bytes","size":10485760}
type Rejected struct {
	// Reason is one of the Reject... constants.
	Reason string `json:"reason"`
	// Detail names the field and the mend.
	Detail string `json:"detail"`
	Topic  string `json:"topic"`
	// Payload holds at most the first 512 bytes, invalid UTF-8 replaced.
	Payload string `json:"payload,omitempty"`
	// Size is the length of the whole payload in bytes.
	Size int `json:"size"`
}

// Reasons for rejecting a report; also the label of the metric.
const (
	RejectTopic         = "topic"          // a topic that nobody reads
	RejectTooLarge      = "too_large"      // over the limit of a report
	RejectNotJSON       = "not_json"       // no JSON, or not an object
	RejectUnknownDevice = "unknown_device" // not in the registry, or retired
	RejectUnknownType   = "unknown_type"   // not a type of this kind of device
	RejectInvalid       = "invalid"        // a field is wrong
	RejectTime          = "time"           // the event counts, its time stamp does not
	RejectRetained      = "retained"       // a press that a broker replayed
	RejectDescription   = "description"    // what a device says of itself cannot be read
)

// EventType is "report.rejected".
func (Rejected) EventType() Type { return "report.rejected" }

// Validate wants a reason.
func (r Rejected) Validate() error {
	if r.Reason == "" {
		return errors.New("reason: missing")
	}
	return nil
}
