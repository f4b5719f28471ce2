// Package contract is what a box and the provincial platform agree on: the
// form of a batch, of its receipts, and of the signature. Both sides use it.
//
// README.md says the same to the engineer of a platform, in Chinese and English;
// beside it are OpenAPI, JSON Schemas, the catalogue and examples, which the
// tests hold to the code. How a version differs is in its last paragraph.
//
// # Request
//
//	POST <path>
//	Content-Type: application/cloudevents-batch+json
//	Content-Digest: sha-256=:…:                        (RFC 9530)
//	Signature-Input: sig1=("@method" "@path" "@query" "content-digest" "content-type");created=…;keyid="<box>";alg="hmac-sha256";nonce="…"
//	Signature: sig1=:…:                                (RFC 9421)
//
// The body is a CloudEvents 1.0 JSON batch of 1 to [MaxRows] events, at most
// [MaxBody] bytes. Each is one [Row]: one figure of one facility and day at
// one revision. The pair of source and id is unique, so it is the idempotency
// key: the id is made of the row's key and revision, and a row that has
// changed has another.
//
//	{"specversion":"1.0","type":"linli.usage.row.v1","source":"/boxes/box-1",
//	 "id":"2026-11-23/f-1/parcel.deposits/1795392000.7","datacontenttype":"application/json",
//	 "data":{"facility":"f-1","indicator":"parcel.deposits","period":"2026-11-23","numerator":42,"generation":1795392000,"n":7}}
//
// # Answer
//
// 200 carries an [Answer]: a receipt for every event of the batch. The
// platform keeps, for each (box, facility, indicator, period), the row of the
// highest (generation, n); an older one is superseded, which is no error. A
// row that was accepted before is accepted again: when in doubt, send again.
// A refused row would be refused again; the box sets it aside.
//
// Any other status carries a [Problem] and has kept nothing. 400, 413 and 422
// say that this batch will never be taken; 401 and 403 that the sender is not
// known or its clock is wrong; 429 and 503 may say Retry-After; anything else
// is worth a repetition. Every body has the server's time, for boxes without a
// clock.
//
// # Privacy
//
// [Row] is the whole of what leaves a box: counts, durations in fixed buckets,
// and codes. It has no free text, and a receiver refuses an unknown field.
package contract
