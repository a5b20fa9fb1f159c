package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
)

// pidFile takes the figures of package lock's own benchmarks.
func pidFile(ctx context.Context, t *table, c contestants) error {
	return nil
}

var _ = strings.Fields
var _ = strconv.Itoa
var _ = exec.Command
var _ = fmt.Sprint
