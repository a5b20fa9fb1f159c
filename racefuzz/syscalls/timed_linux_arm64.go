package syscalls

var timedOfArchitecture map[int]Timing
