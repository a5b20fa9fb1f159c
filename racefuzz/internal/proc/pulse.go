package proc

import (
	"sync/atomic"
	"time"
)

const beat = 10 * time.Millisecond

// pulse is a clock that goes only while this machine lets processes run. It
// counts one beat for each time that this process, wanting to run every 10 ms,
// did run: while the machine is suspended or stands still, the servers under
// test get no time either, and none is charged to them.
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

// within waits for done and reports whether it came before so many beats had
// passed as make d, leaving those out that count says not to count.
func (p *pulse) within(d time.Duration, done <-chan struct{}, count func() bool) bool {
	last := p.beats.Load()
	for left := int64(d / beat); left > 0; {
		select {
		case <-done:
			return true
		case <-time.After(beat):
		}
		now := p.beats.Load()
		if count == nil || count() {
			left -= now - last
		}
		last = now
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (p *pulse) close() { close(p.stop) }
