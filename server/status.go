package main

import "io"

func status(args []string, stdout, stderr io.Writer) int { return exitRefused }
