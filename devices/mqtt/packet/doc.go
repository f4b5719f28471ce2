// Package packet reads and writes the packets of MQTT 3.1.1 and 5.
//
// # Reading
//
// [ParseHeader] finds out where a packet in a buffer ends; the Decode method
// of its type reads the body. Decoding copies nothing: byte slices refer to
// the buffer and are good as long as that is, and decoding a PUBLISH into the
// same [Publish] again allocates nothing. Everything that the standard calls
// malformed or a protocol error on the face of one packet is an [Error] with
// the reason code that MQTT 5 has for it: reserved bits, text that is not
// UTF-8 or holds NUL, packet number 0, properties that are unknown, twice
// there or in the wrong packet, values out of range, bytes left over. What
// takes more than one packet to tell (is the packet number in use, may this
// client publish there) is for whoever reads.
//
// # Writing
//
// Append methods append a whole packet to a buffer. They write what they are
// given; a packet that Decode has accepted comes out with the same meaning.
package packet
