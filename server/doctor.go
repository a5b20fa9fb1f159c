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

func good(check, found string) finding { return finding{Check: check, OK: true, Found: found} }

func bad(check string, err error) finding {
	f := finding{Check: check, Found: err.Error()}
	var p *problem
	if errors.As(err, &p) {
		f.Remedy = p.hint
	}
	return f
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
	findings := []finding{p.examineRuntimeDir(), p.examinePIDFile(), p.examineHome(), p.examineStore(),
		examineLocks(lock.OS{}, runtimeDirs()[0]), examineLocks(lock.OS{}, p.store)}
	findings = append(findings, p.leftovers()...)
	return append(findings, examineHosts()...)
}

// examineDir is the finding on a directory that [own] or [private] has judged.
func examineDir(check, dir string, err error) finding {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return good(check, dir+" (not made yet)")
	case err != nil:
		return bad(check, err)
	}
	return good(check, dir)
}

func (p place) examineRuntimeDir() finding {
	dir := runtimeDirs()[0]
	return examineDir("runtime directory", dir, private(runtimeKind, dir))
}

func (p place) examinePIDFile() finding {
	const check = "pid file"
	path, found, err := recorded(p)
	switch {
	case err != nil:
		return bad(check, err)
	case found.State == lock.Stale:
		return bad(check, &problem{what: path + " is left from a server that was killed", hint: "none is needed: the next server takes it over"})
	case found.State == lock.Held:
		return good(check, path+" ("+pidText(found.PID)+")")
	}
	return good(check, path+" (no server is running)")
}

func (p place) examineHome() finding {
	info, err := own(homeKind, p.home)
	if err == nil && openTo(info, 0o022) {
		err = &problem{what: "others may move the store in " + quote(p.home) + " away", hint: "chmod go-w " + quote(p.home)}
	}
	return examineDir("home", p.home, err)
}

func (p place) examineStore() finding {
	const check = "store"
	ctx, s := context.Background(), newStore(p)
	result, err := s.status(ctx)
	if err == nil && !result.Exists {
		return good(check, p.store+" (none yet)")
	}
	if err == nil {
		err = s.quickCheck(ctx)
	}
	if err == nil {
		err = s.probe(ctx)
	}
	if err = errors.Join(err, s.close()); err == nil {
		return good(check, fmt.Sprintf("%s (%s, sound)", p.store, howMany(result.Memories)))
	}
	if f := bad(check, err); f.Remedy != "" {
		return f
	}
	return bad(check, &problem{what: p.store, err: err, hint: p.remedy(err)})
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
	db, err := s.open(ctx, false, false)
	if err != nil {
		return err
	}
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", errDamaged, said)
	}
	return nil
}

// errProbed is that all went well.
var errProbed = errors.New("probed")

// probe makes sure that memories can be added and read, and takes the one it
// adds out again before anybody sees it.
func (s *store) probe(ctx context.Context) error {
	err := s.write(ctx, false, func(tx *sql.Tx) error {
		want := memory{Text: "memlatch doctor was here", Created: time.Now()}
		id, err := insert(ctx, tx, want)
		if err != nil {
			return err
		}
		if got, err := one(ctx, tx, id); err != nil || got.Text != want.Text {
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
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	if err := tryLocks(sys, dir); err != nil {
		return bad(check, &problem{what: dir, err: err, hint: "make room there, or use a local directory: set MEMLATCH_HOME and MEMLATCH_RUNTIME_DIR"})
	}
	return good(check, "they work")
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
	const check = "leftovers"
	dirs, _ := p.unfinished()
	for _, dir := range dirs {
		findings = append(findings, bad(check, &problem{what: dir + " is left from an uninstall that was interrupted", hint: removeAll + quote(dir)}))
	}
	for _, dir := range runtimeDirs() {
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			pidFile, _ := filepath.Match("server*.pid", f.Name())
			if !pidFile || f.Name() == p.pidName { // which has its own check
				continue
			}
			path := filepath.Join(dir, f.Name())
			if status, err := lock.Probe(path); err == nil && status.State == lock.Stale {
				findings = append(findings, bad(check, &problem{what: path + " is left from a server of another store", hint: removeCommand(path)}))
			}
		}
	}
	if findings == nil {
		findings = append(findings, good(check, "none"))
	}
	return findings
}

func examineHosts() (findings []finding) {
	const check = "hosts"
	for _, m := range hostsThatMention("memlatch") {
		err := m.err
		if err == nil && m.command != "" {
			_, err = exec.LookPath(m.command)
		}
		if err == nil || errors.Is(err, exec.ErrDot) {
			findings = append(findings, good(check, m.String()))
		} else {
			findings = append(findings, bad(check, &problem{what: m.path, err: err, hint: "mend that file; 'memlatch config HOST' prints what belongs there"}))
		}
	}
	if findings == nil {
		findings = append(findings, good(check, "none is configured; 'memlatch config HOST' prints how"))
	}
	return findings
}
