// Package receiver is the other side of sync/province: what a platform needs
// to take the rows of its boxes, see package contract for the wire.
//
// It keeps, for each (box, facility, indicator, period), the row of the
// highest revision, in one bbolt file, and adds them up. What it has accepted
// is on disk before it answers. A row that comes again, in whatever order or
// number, changes nothing: so a box may repeat all it is not sure of, and a
// receiver may be killed at any moment.
//
//	bucket "rows"  key: period \0 box \0 facility \0 indicator
//	               value: the row as JSON
//	bucket "keys"  key: box \0 public key in hex; value: key as JSON
//	bucket "codes" key: box \0 one-time code that was used; value: key of "keys"
//	bucket "boxes" key: box; value: the latest request of a box, as JSON
//
// It serves
//
//	POST /v1/rows                       the batches, signed
//	POST /v1/reconcile, /v1/enrol, /v1/keys   see package contract
//	GET  /v1/boxes                      who sends, and whose identity two boxes use
//	GET  /v1/totals?period=2026-11-23   totals of a day or, as 2026-11, a month;
//	                                    JSON, or a page for a browser
//	GET  /healthz
//
// The totals hold no secret, but are open to whoever can reach the listener:
// what is put in front of it decides who that is. There is no limit on the
// rate of requests; a request is bounded in size, and refused for a wrong
// signature before its body is read.
package receiver
