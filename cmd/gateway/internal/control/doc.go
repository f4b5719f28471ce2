// Package control is how commands speak to the running daemon: HTTP over one
// Unix socket, whose file permissions say who may. The part that concerns the
// registry also works on the file itself while the daemon is down.
//
//	GET    /v1/{table}                      see RegistryHandler
//	GET    /v1/status                       Status
//	POST   /v1/login                        {"name":"li"} -> Invitation
//	POST   /v1/doors/{elder}                DoorLabel -> Invitation
//	GET    /v1/health                       Healths
//	POST   /v1/certificates/{device}        {} or {"request":"PEM"} -> Certified
//	GET    /v1/incidents                    []alert.Incident
//	POST   /v1/incidents/{id}/acknowledge   {"by":"li"}
//	POST   /v1/incidents/{id}/resolve       {"by":"li","cause":"accidental"}
//	POST   /v1/devices/{id}/commands        Order -> command.Command, JSON lines, until it has ended
//	POST   /v1/desk                         DeskEntry
//	POST   /v1/visits                       VisitEntry
//	GET    /v1/commands                     []command.Command, the newest first
//	GET    /v1/mqtt/clients                 []mqtt.ClientState
//	GET    /v1/mqtt/watch?filter=FILTER     mqtt.Watched, JSON lines, until the client hangs up
//	GET    /v1/channels                     []notify.State
//	GET    /v1/channels/failed              []notify.Failure
//	POST   /v1/channels/{kind}/test         Recipient -> alert.Result
//	GET    /v1/journal                      journal.Stats
//	GET    /v1/journal/tail?lines=20        Line, JSON lines, until the client hangs up
//	GET    /v1/journal/export?since=…       Line, JSON lines, then {"end":<their number>}: see Selection
//	GET    /v1/capture                      intake.Heard, JSON lines, until the client hangs up
//	GET    /v1/province                     []Destination
//	POST   /v1/province/reconcile           Target -> by destination, []province.Receipt
//	POST   /v1/province/resend, enrol       Target
//	GET    /v1/usage/explain?row=…          Explained
//	GET    /v1/backup                       an archive in clear, see package backup
//
// An answer other than 200 carries {"error":"…"} in the language of the
// request's Accept-Language.
package control
