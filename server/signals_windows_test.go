package main

import "os"

// signalNamed is empty: Windows has no signals to send to a process.
var signalNamed map[string]os.Signal
