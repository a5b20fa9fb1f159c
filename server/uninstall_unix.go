//go:build unix

package main

import "os"

// moveAside gives the store's directory the name aside, with the barrier in it
// held: whoever waits for it sees that it is not the store's any more.
func (r *removal) moveAside(_ *seized, aside string) error {
	return os.Rename(r.store, aside)
}

// patiently does what others do not get in the way of here.
func patiently(do func() error) error { return do() }
