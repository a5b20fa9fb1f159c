package proc

import (
	"sync/atomic"
	"time"
)

const beat = 10 * time.Millisecond

// pulse is a clock that goes only while this machine lets processes run. It
// counts one beat for each time that this process, wanting to run every 10 ms,
// did run: while the machine is overloaded, suspended or asleep, the servers
// under test get no time either, and none is charged to them.
type pulse struct {
	beats atomic.Int64
	stop  chan struct{}
}

func newPulse() *pulse {
	p := &pulse{stop: make(chan struct{})}
	go func() {
		// A ticker drops the ticks that nobody was there to take.
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.beats.Add(1)
			case <-p.stop:
				return
			}
		}
	}()
	return p
}

// within waits for done and reports whether it came before d had passed.
func (p *pulse) within(d time.Duration, done <-chan struct{}) bool {
	end := p.after(d)
	for {
		select {
		case <-done:
			return true
		case <-time.After(beat):
			if p.passed(end) {
				select {
				case <-done:
					return true
				default:
					return false
				}
			}
		}
	}
}

// after returns the beat at which d will have passed, and passed whether it
// has.
func (p *pulse) after(d time.Duration) int64 { return p.beats.Load() + int64(d/beat) }
func (p *pulse) passed(end int64) bool       { return p.beats.Load() >= end }

func (p *pulse) close() { close(p.stop) }
