// Clock is a daemon that goes by time in one of several ways, each of them wrong:
//
//	clock NAME PIDFILE          serves until SIGTERM, as the mutant NAME does
//	clock NAME PIDFILE right    the same without the mistake
//
// racefuzz has to find what is wrong with each.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// mutant is a way to get what only one may have, and to keep it.
type mutant struct {
	acquire func(right bool)
	beat    func(right bool)
}

var (
	pidFile string
	lock    string // a file that is there while somebody serves
)

var mutants = map[string]mutant{
	"steals":         {acquire: stealsAfterFourTries},
	"lease":          {acquire: takesWhatIsOld, beat: touches},
	"starts-anyway":  {acquire: waitsThreeSeconds},
	"rewrites":       {acquire: waits, beat: rewrites},
	"written-time":   {acquire: takesWhatWasWrittenLongAgo, beat: writesTime},
	"whole-seconds":  {acquire: takesWhatIsOfAnEarlierSecond},
	"short-of-grace": {acquire: takesWhatHasNoPID},
}

func main() {
	m := mutants[os.Args[1]]
	pidFile = os.Args[2]
	lock = pidFile + ".lock"
	right := len(os.Args) > 3
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	if right {
		waitsForLock()
	} else {
		m.acquire(right)
	}
	fresh := fmt.Sprint(pidFile, ".", os.Getpid())
	put(fresh, os.Getpid())
	if err := os.Rename(fresh, pidFile); err != nil {
		fail(err)
	}
	var beats <-chan time.Time
	if m.beat != nil {
		beats = time.Tick(time.Second)
	}
	for serving := true; serving; {
		select {
		case <-beats:
			m.beat(right)
		case <-stop:
			serving = false
		}
	}
	os.Remove(pidFile)
	if !right {
		os.Remove(lock)
	}
}

// waitsForLock waits for a lock that the kernel gives back when its holder dies.
func waitsForLock() {
	fd, err := syscall.Open(lock, syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		fail(err)
	}
	for syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		time.Sleep(300 * time.Millisecond)
	}
}

// made reports whether the lock was not there, and is now, with its maker's pid.
func made() bool {
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return false
	}
	defer f.Close()
	fmt.Fprintln(f, os.Getpid())
	return true
}

func stealsAfterFourTries(bool) {
	for tries := 1; !made(); tries++ {
		if tries == 4 {
			os.Remove(lock)
			continue
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func takesWhatIsOld(bool) {
	for !made() {
		if st, err := os.Stat(lock); err == nil && time.Since(st.ModTime()) > 3*time.Second {
			os.Remove(lock)
			continue
		}
		time.Sleep(time.Second)
	}
}

func touches(bool) { os.Chtimes(lock, time.Now(), time.Now()) }

func waitsThreeSeconds(bool) {
	for end := time.Now().Add(3 * time.Second); !made() && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
}

func waits(bool) {
	for !made() {
		time.Sleep(time.Second)
	}
}

func rewrites(right bool) {
	if !right {
		put(pidFile, os.Getpid())
	}
}

func takesWhatWasWrittenLongAgo(bool) {
	for !made() {
		text, _ := os.ReadFile(lock)
		fields := strings.Fields(string(text))
		if len(fields) == 2 {
			if then, err := strconv.ParseInt(fields[1], 10, 64); err == nil && time.Now().Unix()-then > 2 {
				os.Remove(lock)
				continue
			}
		}
		time.Sleep(time.Second)
	}
	writesTime(false)
}

func writesTime(right bool) {
	if !right {
		put(lock, os.Getpid(), time.Now().Unix())
	}
}

func takesWhatIsOfAnEarlierSecond(bool) {
	for !made() {
		if st, err := os.Stat(lock); err == nil && time.Now().Unix() > st.ModTime().Unix() {
			if _, err := os.Stat(pidFile); err != nil { // it should have been written within the second
				os.Remove(lock)
				continue
			}
		}
		time.Sleep(400 * time.Millisecond)
	}
}

func takesWhatHasNoPID(bool) {
	for !made() {
		time.Sleep(100 * time.Millisecond)
		if text, err := os.ReadFile(lock); err == nil && len(text) == 0 {
			os.Remove(lock)
		}
	}
}

func put(path string, words ...any) {
	if err := os.WriteFile(path, []byte(fmt.Sprintln(words...)), 0o644); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "clock:", err)
	os.Exit(1)
}
