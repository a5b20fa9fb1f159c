package main

import (
	"bytes"
	"fmt"
	"os"
)

// residentMB is what a process has in memory now, in megabytes.
func residentMB(pid int) (float64, error) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	status, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(status, []byte("VmRSS:"))
	var kB float64
	if _, err := fmt.Sscanf(string(rest), "%f kB", &kB); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return kB / 1024, nil
}
