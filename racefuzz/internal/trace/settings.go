package trace

import "github.com/memlatch/memlatch/racefuzz/internal/race"

// Words of moves that are not system calls.
const (
	opStart  = race.OpStart
	opProbe  = "probe" // asks whether a server runs
	opStop   = "stop"
	opWait   = "wait"  // until a server that waits for something looks whether it has come
	opWake   = "wakes" // from a wait that the clock ends
	opCrash  = string(race.Crash)
	opRun    = "run"    // a command that is no server
	opRemove = "remove" // an operator's rm
	opHalt   = "halt"   // a stop in the middle of another's start
)

// failing begins the result of a step that was made to fail.
const failing = "fail "
