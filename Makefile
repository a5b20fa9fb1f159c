# Aliases; what they do is said where it is done.
.PHONY: test race fuzz bench check dist

test:
	go test ./...

race:
	go test -race ./lock/...

fuzz:
	go run ./racefuzz -n 200

bench:
	go run ./ci/bench

check:
	.ci/run

dist:
	ci/dist
