//go:build !unix

package lock

// Windows has no such flags: a link in the barrier's place is found by
// comparing the file with its name.
const barrierFlags = 0
