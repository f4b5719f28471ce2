// Package devicetest is what a driver is tested with: a suite that every
// driver of messages has to pass ([Run]), and a [Recorder] and a [Handler]
// with state, which can be told to fail and to hang.
//
// The suite holds a driver to its promises and to nothing else. It is given a
// way to start the driver, a way for a device to publish, and, if there is a
// broker that can go away, a way to restart that.
package devicetest
