//go:build !unix && !windows

package lock

const barrierFlags = 0

func mayPass(error) bool { return false }
