package main

import (
	"context"
	"io"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"
)

// hostInterval is how often a server makes sure that its host lives.
const hostInterval = 250 * time.Millisecond

// serve answers one host until its input ends, the host dies or a signal
// asks for the end, and returns the exit code.
func serve(stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	// First of all: from the moment the pid file is ours, no signal may end
	// the process without the clean-up. The handler stays for good, so that a
	// second signal cannot cut the clean-up short either.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, stopSignals...)
	ignoreBrokenPipe()
	go watchHost(ctx, os.Getppid(), stop)
	go func() {
		<-signals
		stop()
	}()

	place, err := find()
	if err != nil {
		return fail(stderr, exitFailed, err)
	}
	logger := log.New(stderr, logPrefix, 0)
	claim, store := &claim{log: logger}, newStore(place)
	store.log = logger
	claim.start(place)
	keeping, stopKeeping := context.WithCancel(context.Background())
	var kept sync.WaitGroup
	kept.Go(func() { claim.keep(keeping, store.watch) })

	m := newServer(claim, store)
	logger.SetOutput(io.MultiWriter(hostLog{m}, stderr))
	drained := converse(ctx, m, stdin, stdout)
	code := exitOK
	if !drained {
		logger.Print("left with requests unanswered")
	} else if err := store.close(); err != nil {
		logger.Printf("closing the store: %v", err)
		code = exitFailed
	}
	stopKeeping()
	kept.Wait()
	if err := claim.release(); err != nil {
		logger.Printf("removing the pid file: %v", err)
		code = exitFailed
	}
	return code
}
