// Package notify carries pages to people: each kind of channel is an
// [alert.Sender]. A sender makes one attempt and says how it ended; when to
// try again, whom to try next and when to stop is the engine's business.
//
// [Open] sets up the channels that the configuration describes, each with a
// budget before it: see [Config] for the settings, deploy/docs/channels.md for
// who sets them up. What every channel keeps to:
//
//   - A result is accepted only on the provider's own word, which for the
//     Chinese robots is a code within HTTP 200. An answer that is nobody's is
//     unknown, a code that is not known is permanent.
//   - What a provider says is never passed on, since it quotes addresses and
//     keys: a detail is a code and our own words.
//   - Half of each rate limit is kept for high priority, and all of it where it
//     is a single send. A provider that says
//     "too fast" is left alone for as long as it says.
//   - A page that is not accepted is kept on a list of the latest 200, and
//     taken off when it gets through after all.
//   - Nothing is sent that is not in the page: building, room and kind.
//
// # Short messages
//
// The modem has one goroutine that speaks AT commands over its serial port, one
// at a time, each with a time limit; who has a page waits for it, a call for
// help before all notices and replies. A dialogue in which anything went wrong is ended,
// and the port opened and set up anew: that covers a modem that hangs, was
// reset, or pulled out and put back. A message whose body the modem had when
// that happened is unknown. Incoming messages stay on the SIM card until they
// have been acted on, so that no reply is lost; what cannot be decoded is
// counted and deleted. The PIN is tried once in the life of the process.
//
// # Sirens
//
// Sirens and lamps are not channels but an [alert.Siren], switched by the
// engine while a call is unanswered; [Outputs] makes one of several.
//
// # Webhook
//
// One HTTP POST to the caregiver's address:
//
//	POST /path HTTP/1.1
//	Content-Type: application/json; charset=utf-8
//	Idempotency-Key: 41b0c2…         the same for every attempt at one page
//	User-Agent: linli-gateway
//
//	{
//	  "version": 1,
//	  "key": "41b0c2…",              as in the header
//	  "incident": "9f2c…",           the same for all pages of one incident
//	  "kind": "sos",                 sos, fall
//	  "priority": "high",
//	  "building": "3栋",             absent where not known
//	  "room": "502",
//	  "place": "活动室",              the facility, for a button that hangs in one
//	  "device": "w-17",              only where nothing else says where to go
//	  "device_kind": "wearable",
//	  "raised": "2026-11-03T01:31:07Z",
//	  "clock_synchronised": true,    false: "raised" may be far off
//	  "waiting_seconds": 61,         for how long nobody has answered
//	  "presses": 2,
//	  "round": 1,                    above 1: called again after an acknowledgement
//	  "step": 2,
//	  "attempt": 1,
//	  "from_memory": false,          true: the box could not write in time
//	  "test": false,                 true: a trial, nothing has happened
//	  "link": "https://…",           where to acknowledge; absent if nowhere
//	  "title": {"zh-CN": "【紧急求助】3栋 502", "en": "[SOS] 3栋 502"},
//	  "text": {"zh-CN": "…", "en": "…"}
//	}
//
// Fields are added, never changed or taken away, within a version. A receiver
// should answer 2xx quickly, and count a key that it has seen as one page.
//
//	answer                                  result
//	2xx                                     accepted
//	429, 503 (Retry-After is honoured)      temporary
//	408, 425, 5xx                           temporary
//	3xx (never followed), other 4xx         permanent
//	no address, no connection, TLS failure  temporary
//	no answer after the request was sent    unknown
//
// A TLS failure is temporary because a box that wakes up in 1970 finds no
// certificate valid until its clock is set. Proxies named in the environment
// are not used: a page goes where its address says, or fails visibly.
//
// # Log
//
// One line in the gateway's own log for each step of an incident, so that no
// call for help goes without a trace, whoever is registered. It says neither
// who nor where.
package notify
