package proc

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// watchPause keeps those who watch from taking the processors for themselves.
const watchPause = time.Millisecond

// watch looks again and again until the others have finished, and records
// what it sees when that differs from the last time, or has come to mean
// something else.
func (a *actor) watch(look func() event) {
	var last race.Step
	var news int64 = -1
	for {
		now := a.w.news.Load()
		if e := look(); e.Step != last || now != news {
			a.w.record(e)
			last, news = e.Step, now
		}
		select {
		case <-a.w.over:
			return
		case <-a.ctx.Done():
			return
		case <-time.After(watchPause):
		}
	}
}

func (a *actor) reads() {
	var files []fs.FileInfo // read so far; a number that is used again makes two of them look like one
	a.watch(func() event {
		began := a.w.now()
		content, info := a.w.inspect()
		e := *a.note(nil, opRead, strconv.Quote(content), began, a.w.now())
		e.File = content
		if info != nil {
			same := func(other fs.FileInfo) bool { return os.SameFile(info, other) }
			if e.object = 1 + slices.IndexFunc(files, same); e.object == 0 {
				files = append(files, info)
				e.object = len(files)
			}
		}
		if content == noFile {
			e.Result = noFile
		}
		return e
	})
}

func (a *actor) probes() {
	a.watch(func() event {
		began := a.w.now()
		s, err := a.probe()
		e := *a.note(nil, opProbe, asked{s.State.String(), s.PID}.String(), began, a.w.now())
		e.pid = s.PID
		if errors.Is(err, errBlocked) {
			e.Result = blocked
		} else if err != nil {
			e.Result, e.Detail = "error", err.Error()
		}
		return e
	})
}

var errBlocked = errors.New("blocked")

// probe asks the pid file, from this process. A probe that waits for the
// other end of a FIFO is freed.
func (a *actor) probe() (status lock.Status, err error) {
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		a.w.handles.RLock()
		defer a.w.handles.RUnlock()
		status, err = a.w.target.Probe(a.w.pidFile())
	}()
	if a.w.within(commandTime, asked) {
		return status, err
	}
	free, err := reserve(a.w.pidFile())
	if err != nil {
		return status, errors.Join(errBlocked, err)
	}
	<-asked
	free()
	return lock.Status{}, errBlocked
}
