package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/memlatch/memlatch/lock"
	sqlite3 "modernc.org/sqlite/lib"
)

// finding is what one check of 'memlatch doctor' found.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

// judge is what a check found that ended with err, or not.
func judge(check, found string, err error) finding {
	if err != nil {
		return finding{Check: check, Found: err.Error(), Remedy: remedy(err)}
	}
	return finding{Check: check, OK: true, Found: found}
}

// judgeDir is judge on a directory that may not be there yet.
func judgeDir(check, dir string, err error) finding {
	if errors.Is(err, fs.ErrNotExist) {
		return judge(check, dir+" (not made yet)", nil)
	}
	return judge(check, dir, err)
}

func (f finding) String() string {
	s := "ok   "
	if !f.OK {
		s = "bad  "
	}
	s += f.Check + ": " + f.Found
	if f.Remedy != "" {
		s += "; remedy: " + f.Remedy
	}
	return strings.ReplaceAll(s, "\n", "; ")
}

func (c command) doctor() (int, error) {
	flags := c.flags()
	asJSON := flags.Bool("json", false, "")
	p, err := c.parse(flags)
	if err != nil {
		return exitRefused, err
	}
	result := struct {
		OK       bool      `json:"ok"`
		Findings []finding `json:"findings"`
	}{true, p.examine()}
	for _, f := range result.Findings {
		result.OK = result.OK && f.OK
		if !*asJSON {
			fmt.Fprintln(c.stdout, f)
		}
	}
	if *asJSON {
		json.NewEncoder(c.stdout).Encode(result)
	}
	if !result.OK {
		return exitStopped, nil
	}
	return exitOK, nil
}

// examine makes all checks. It leaves everything as it is.
func (p place) examine() []finding {
	dir := runtimeDirs()[0]
	findings := []finding{
		judgeDir("runtime directory", dir, private(runtimeKind, dir)),
		p.examinePIDFile(),
		judgeDir("home", p.home, p.checkHome()),
		p.examineStore(),
		examineLocks(lock.OS{}, dir),
		examineLocks(lock.OS{}, p.store),
	}
	return slices.Concat(findings, p.leftovers(), examineHosts())
}

func (p place) examinePIDFile() finding {
	path, found, err := recorded(p)
	who := "no server is running"
	switch found.State {
	case lock.Stale:
		err = &problem{what: path + " is left from a server that was killed",
			hint: "none is needed: the next server takes it over"}
	case lock.Held:
		who = pidText(found.PID)
	}
	return judge("pid file", fmt.Sprintf("%s (%s)", path, who), err)
}

func (p place) checkHome() error {
	info, err := own(homeKind, p.home)
	if err == nil && openTo(info, 0o022) {
		err = &problem{what: "others may move the store in " + quote(p.home) + " away", hint: "chmod go-w " + quote(p.home)}
	}
	return err
}

func (p place) examineStore() finding {
	ctx, s := context.Background(), newStore(p)
	result, err := s.status(ctx)
	found := p.store + " (none yet)"
	if result.Exists {
		found = fmt.Sprintf("%s (%s, sound)", p.store, howMany(result.Memories))
		if err == nil {
			err = s.quickCheck(ctx)
		}
		if err == nil {
			err = s.probe(ctx)
		}
	}
	if err = errors.Join(err, s.close()); err != nil && remedy(err) == "" {
		err = &problem{what: p.store, err: err, hint: p.remedy(err)}
	}
	return judge("store", found, err)
}

// remedy is what helps a store that has failed with err.
func (p place) remedy(err error) string {
	switch {
	case isDamage(err):
		return rescue(p.store)
	case isBusy(err):
		return "try again: another program is writing to it"
	case errors.Is(err, syscall.ENOSPC) || hasCode(err, sqlite3.SQLITE_FULL):
		return "make room on its disk"
	}
	return "see to its disk and its rights, or " + otherHome
}

// quickCheck is SQLite's own check, of the index of words too.
func (s *store) quickCheck(ctx context.Context) error {
	var said string
	err := each(ctx, s, func(rows *sql.Rows) error { return rows.Scan(&said) }, "PRAGMA quick_check(1)")
	if err == nil && said != "ok" {
		err = fmt.Errorf("%w: %s", errDamaged, said)
	}
	return err
}

// errProbed is that all went well.
var errProbed = errors.New("probed")

// probe makes sure that memories can be added and read, and takes the one it
// adds out again before anybody sees it.
func (s *store) probe(ctx context.Context) error {
	err := s.write(ctx, false, func(tx *sql.Tx) error {
		want := memory{Text: "memlatch doctor was here", Created: time.Now()}
		id, err := insert(ctx, tx, insertAnyway, want)
		if err != nil {
			return err
		}
		if got, err := one(ctx, tx, "id = ?", id); err != nil || got.Text != want.Text {
			return fmt.Errorf("%w: a memory that was added is not there: %v", errDamaged, err)
		}
		return errProbed
	})
	if errors.Is(err, errProbed) {
		return nil
	}
	return err
}

// examineLocks checks that the file system of dir, which may not exist yet,
// has locks that keep others out.
func examineLocks(sys lock.System, dir string) finding {
	check := "locks in " + dir
	for info, err := os.Stat(dir); (err != nil || !info.IsDir()) && dir != filepath.Dir(dir); info, err = os.Stat(dir) {
		dir = filepath.Dir(dir)
	}
	err := tryLocks(sys, dir)
	if err != nil {
		err = &problem{what: dir, err: err,
			hint: "make room there, or use a local directory: set MEMLATCH_HOME and MEMLATCH_RUNTIME_DIR"}
	}
	return judge(check, "they work", err)
}

// tryLocks writes a new file in dir and has two descriptors contend for its lock.
func tryLocks(sys lock.System, dir string) error {
	f, err := os.CreateTemp(dir, ".memlatch-doctor-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString("memlatch doctor was here\n") // unless the disk is full
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	var files [2]lock.File
	for i := range files {
		if files[i], err = sys.Open(f.Name(), lock.Create); err != nil {
			return err
		}
		defer files[i].Close()
	}
	if err := files[0].TryLock(true); err != nil {
		return err
	}
	defer files[0].Unlock()
	if err := files[1].TryLock(true); !errors.Is(err, lock.ErrRefused) {
		return errors.Join(errors.New("a lock that is taken can be taken again"), err)
	}
	return nil
}

// leftovers are what crashed servers and interrupted uninstalls left behind.
func (p place) leftovers() (findings []finding) {
	add := func(path, from, remove string) {
		err := &problem{what: path + " is left from " + from, hint: remove}
		findings = append(findings, judge("leftovers", "", err))
	}
	dirs, _ := p.unfinished()
	for _, dir := range dirs {
		add(dir, "an uninstall that was interrupted", removeAll+quote(dir))
	}
	for _, dir := range runtimeDirs() {
		files, _ := filepath.Glob(filepath.Join(dir, "server*.pid"))
		for _, path := range files {
			if filepath.Base(path) == p.pidName { // which has its own check
				continue
			}
			if status, err := lock.Probe(path); err == nil && status.State == lock.Stale {
				add(path, "a server of another store", removeCommand(path))
			}
		}
	}
	if findings == nil {
		return []finding{judge("leftovers", "none", nil)}
	}
	return findings
}

func examineHosts() (findings []finding) {
	for _, m := range hostsThatMention("memlatch") {
		err := m.err
		if err == nil && m.command != "" {
			_, err = exec.LookPath(m.command)
		}
		if errors.Is(err, exec.ErrDot) {
			err = nil
		}
		if err != nil {
			err = &problem{what: m.path, err: err, hint: "mend that file; 'memlatch config HOST' prints what belongs there"}
		}
		findings = append(findings, judge("hosts", m.String(), err))
	}
	if findings == nil {
		return []finding{judge("hosts", "none is configured; 'memlatch config HOST' prints how", nil)}
	}
	return findings
}
