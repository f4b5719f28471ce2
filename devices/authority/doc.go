// Package authority is the box's own certificate authority: what the devices
// and browsers of a community trust in order to know that they speak to their
// box, and what certificates of devices are signed with.
//
// # One key
//
// The file holds one ECDSA P-256 key, made at the first start, mode 0600, and
// it is all that is kept. The authority's certificate is a function of that
// key alone, byte for byte (its signature is deterministic, RFC 6979), so that
// a device that has pinned it, or its key, finds it unchanged after whatever
// happened to the box, a restored backup included. The server's key and
// certificates are made anew at each start and never touch the disk.
//
// A file that cannot be read as a key is set aside, a new authority is made,
// and [Authority.Damaged] says so: devices that trust the old one stay out
// until the key is restored from a backup or they are given the new
// certificate, and everything else goes on.
//
// # Time
//
// Many boxes and chips start in 1970, and neither may lock the other out. The
// authority, the certificates of devices, and the server's certificate for
// devices are therefore valid from 1970 to the end of 2049, whatever any clock
// says: a shorter life would protect nothing, because the key that signs lies
// on the same disk, and a stolen one is answered by a new authority. Revoking
// a device's certificate is the registry's affair and does not wait for a date.
//
// Browsers refuse certificates of more than 825 days, so the page has one of
// its own: from 30 days ago for two years, remade when a year of that is left,
// and at once when the clock is set to a time outside of it. While the box does
// not know the time the page is served with the other one.
//
// Both name the box as it is reached now (host name, host name with .local,
// the addresses of its interfaces), and are remade within [checkInterval] of a
// change. Connections that stand are not disturbed.
//
// # TLS
//
// 1.3, and 1.2 with ECDHE and an AEAD for chips that have no more. Sessions
// resume by tickets, so that a storm of reconnections costs little.
package authority
