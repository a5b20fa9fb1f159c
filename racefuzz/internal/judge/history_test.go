package judge

// Proves that histories are judged as a whole: that answers which are each
// possible, but not together, are found.

import (
	"testing"
)

func TestHistoryNeedsAnOrderThatExplainsIt(t *testing.T) {
	// a (101) stops while b (102) starts; c probes meanwhile. Each probe alone
	// may find either of them.
	handOver := []operation{
		{actor: 0, pid: 101, op: "acquire", result: Held, call: 1, end: 2},
		{actor: 0, pid: 101, op: "release", result: Nobody, call: 3, end: 20},
		{actor: 1, pid: 102, op: "acquire", result: Held, call: 4, end: 21},
	}
	for _, tt := range []struct {
		name string
		more []operation
		want bool
	}{
		{"nothing else", nil, true},
		{"old holder, then new one", []operation{
			{actor: 2, op: "probe", result: Held, named: 101, call: 5, end: 6},
			{actor: 2, op: "probe", result: Held, named: 102, call: 7, end: 8},
		}, true},
		{"new holder, then old one", []operation{
			{actor: 2, op: "probe", result: Held, named: 102, call: 5, end: 6},
			{actor: 2, op: "probe", result: Held, named: 101, call: 7, end: 8},
		}, false},
		{"new holder, then nobody", []operation{
			{actor: 2, op: "probe", result: Held, named: 102, call: 5, end: 6},
			{actor: 2, op: "probe", result: Nobody, call: 7, end: 8},
		}, false},
		{"new holder, which is refused later", []operation{
			{actor: 2, op: "probe", result: Held, named: 102, call: 5, end: 6},
			{actor: 3, pid: 104, op: "acquire", result: Lost, call: 7, end: 8},
		}, true},
		{"refused after everybody stopped", []operation{
			{actor: 1, pid: 102, op: "release", result: Nobody, call: 22, end: 23},
			{actor: 3, pid: 104, op: "acquire", result: Lost, call: 24, end: 25},
		}, false},
		{"started after the holder crashed", []operation{
			{actor: 1, pid: 102, op: "crash", call: 22, end: 22},
			{actor: 3, pid: 104, op: "acquire", result: Held, call: 24, end: 25},
		}, true},
		{"started by one who crashed in its start", []operation{
			{actor: 1, pid: 102, op: "release", result: Nobody, call: 22, end: 23},
			{actor: 3, pid: 104, op: "acquire", result: Unknown, call: 24, end: 26},
			{actor: 2, op: "probe", result: Held, named: 104, call: 25, end: 25},
			{actor: 3, pid: 104, op: "crash", call: 27, end: 27},
			{actor: 2, op: "probe", result: Nobody, call: 28, end: 29},
		}, true},
	} {
		history := append(append([]operation(nil), handOver...), tt.more...)
		if got := new(Histories).linear(history); got != tt.want {
			t.Errorf("%s: in order %v, want %v", tt.name, got, tt.want)
		}
	}
}
