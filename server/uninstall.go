package main

import (
	"io"
	"os"
)

func uninstall(args []string, stdin *os.File, stdout, stderr io.Writer) int { return exitRefused }
