package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"
)

// leftoverPrefix begins the name of a store that an uninstall has moved aside
// and not yet deleted.
const leftoverPrefix = "store.removing-"

// removal is one run of uninstall.
type removal struct {
	place
	command
	force     bool
	backup    string // a path, or empty
	mentions  []mention
	exists    bool     // whether there is a store
	leftovers []string // directories of uninstalls that were interrupted
}

func (c command) uninstall() (int, error) {
	r, named := &removal{command: c}, true
	flags := c.flags()
	yes := flags.Bool("y", false, "")
	flags.BoolVar(&r.force, "force", false, "")
	flags.Func("backup", "", func(file string) error {
		r.backup, named = file, file != ""
		return nil
	})
	var err error
	if r.place, err = c.parse(flags); err != nil {
		return exitRefused, err
	}
	if !named {
		return exitRefused, &problem{what: "--backup names no file", hint: "name the file, or leave --backup out"}
	}
	return r.run(*yes)
}

func (r *removal) run(yes bool) (int, error) {
	r.mentions = hostsThatMention("memlatch") // whatever they hold, nothing is removed yet
	if err := r.look(); err != nil {
		return exitRefused, err
	}
	if r.nothing() {
		r.removeStale()
		r.removeHome()
		r.printRest()
		return exitOK, nil
	}
	if r.backup != "" && r.inStore(r.backup) {
		return exitRefused, &problem{what: "the backup would be removed together with the store",
			hint: "name a file outside of " + quote(r.home)}
	}
	if !yes {
		if code, err := r.confirm(); code != exitOK {
			return code, err
		}
	}
	seized, err := r.seize()
	if err != nil {
		return exitRefused, err
	}
	defer seized.release()
	if !r.nothing() {
		if err := r.remove(seized); err != nil {
			return exitRefused, err
		}
	}
	r.printRest()
	return exitOK, nil
}

// nothing reports whether there is nothing to remove, and says so.
func (r *removal) nothing() bool {
	if r.exists || len(r.leftovers) > 0 {
		return false
	}
	fmt.Fprintf(r.stdout, "nothing to remove: there is no store in %s\n", quote(r.home))
	return true
}

// look finds out what there is to remove. What it finds can change until the
// pid files are seized.
func (r *removal) look() error {
	r.exists, r.leftovers = false, nil
	if _, err := own(homeKind, r.home); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	err := private(storeKind, r.store)
	if err == nil {
		r.exists, err = removable(r.store)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.leftovers, err = r.unfinished(); errors.Is(err, fs.ErrNotExist) {
		err = nil // another uninstall is at its end
	}
	if r.backup != "" && !r.exists && len(r.leftovers) > 0 {
		return &problem{what: "there is nothing to back up: an uninstall was interrupted while it deleted the memories",
			hint: "repeat without --backup to finish it"}
	}
	return err
}

// unfinished lists the directories of uninstalls that were interrupted.
func (p place) unfinished() (dirs []string, err error) {
	entries, err := readDir(p.home)
	for _, e := range entries {
		dir := filepath.Join(p.home, e.Name())
		if !e.IsDir() || !strings.HasPrefix(e.Name(), leftoverPrefix) {
			continue
		}
		if left, err := removable(dir); err != nil {
			return dirs, err
		} else if left {
			dirs = append(dirs, dir)
		}
	}
	return dirs, err
}

// removable reports whether there is anything to remove in dir, or it alone.
// What memlatch did not make stays for good.
func removable(dir string) (bool, error) {
	entries, err := readDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && (len(entries) == 0 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains(storeFiles(), e.Name())
	})), err
}

// inStore reports whether path is in the store, or in what is left of one.
func (r *removal) inStore(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(resolve(r.home), resolve(abs))
	first, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return err == nil && (first == filepath.Base(r.store) || strings.HasPrefix(first, leftoverPrefix))
}

// confirm refuses what would be refused anyway, and then asks.
func (r *removal) confirm() (int, error) {
	if !term.IsTerminal(int(r.stdin.Fd())) {
		return exitFailed, &problem{what: "not confirmed, and there is no terminal to ask on", hint: "memlatch uninstall -y"}
	}
	seized, err := r.seize()
	if err != nil {
		return exitRefused, err
	}
	what := "what an interrupted uninstall left"
	if r.exists {
		what = r.describe()
	}
	seized.release()
	fmt.Fprintf(r.stdout, "This removes %s in %s for good.\n", what, quote(r.home))
	fmt.Fprint(r.stdout, "Remove? [y/N] ")
	answer, _ := bufio.NewReader(r.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return exitOK, nil
	}
	return exitFailed, errors.New("cancelled; nothing was removed")
}

// describe says how many memories the store has. The barrier must be held.
func (r *removal) describe() string {
	if _, err := os.Lstat(filepath.Join(r.store, databaseFile)); errors.Is(err, fs.ErrNotExist) {
		return "what was left of a store"
	}
	var n int64
	db, err := openDatabase(context.Background(), r.store, false)
	if err == nil {
		defer db.Close()
		err = db.QueryRow("SELECT count(*) FROM memories").Scan(&n)
	}
	if err != nil {
		return "the store"
	}
	return howMany(n)
}

// remove makes the backup and removes the store and what earlier uninstalls
// left. The memories go with one rename: they are there, or not at all.
func (r *removal) remove(s *seized) error {
	dirs := r.leftovers
	if r.exists {
		what := r.describe()
		if r.backup != "" {
			if err := r.makeBackup(); err != nil {
				return err
			}
			fmt.Fprintf(r.stdout, "backed up %s to %s\n", what, quote(r.backup))
			fmt.Fprintf(r.stdout, "to put them back: memlatch import %s\n", quote(r.backup))
		}
		aside := filepath.Join(r.home, leftoverPrefix+rand.Text())
		if err := r.moveAside(s, aside); err != nil {
			return &problem{what: "the store cannot be moved aside, and nothing was removed", err: err,
				hint: "close every host and try again"}
		}
		syncDir(r.home)
		dirs = append(dirs, aside)
		fmt.Fprintf(r.stdout, "removed %s from %s\n", what, quote(r.home))
	}
	for _, dir := range dirs {
		if err := r.clear(dir); err != nil {
			return err
		}
		if slices.Contains(r.leftovers, dir) {
			fmt.Fprintf(r.stdout, "deleted what another uninstall had moved aside: %s\n", quote(dir))
		}
	}
	r.removeHome()
	return nil
}

// removeHome removes the directory of the store unless something else is in it.
func (r *removal) removeHome() { patiently(func() error { return os.Remove(r.home) }) }

// clear removes dir with the files that are memlatch's own; others stay, and
// so dir does.
func (r *removal) clear(dir string) error {
	for _, name := range storeFiles() {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &problem{what: "the memories are moved aside but not deleted yet", err: err,
				hint: "memlatch uninstall -y"}
		}
	}
	return r.removeDir(dir)
}

// removeDir removes dir unless there is something in it, and names what is not
// memlatch's.
func (r *removal) removeDir(dir string) error {
	entries, err := readDir(dir)
	if err == nil && len(entries) == 0 {
		err = patiently(func() error { return os.Remove(dir) })
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &problem{what: "the memories are deleted, but not the directory they were in", err: err, hint: "memlatch uninstall -y"}
	}
	for _, e := range entries {
		if !slices.Contains(storeFiles(), e.Name()) {
			fmt.Fprintf(r.stdout, "left alone, since memlatch did not make it: %s\n", quote(filepath.Join(dir, e.Name())))
		}
	}
	return nil
}

func readDir(dir string) (entries []fs.DirEntry, err error) {
	err = patiently(func() error {
		entries, err = os.ReadDir(dir)
		return err
	})
	return entries, err
}

// makeBackup exports all memories to a new file.
func (r *removal) makeBackup() error {
	ctx := context.Background()
	_, err := exportFile(r.backup, func(w io.Writer) (int64, error) {
		db, err := openDatabase(ctx, r.store, false)
		if err != nil {
			return 0, err
		}
		n, err := exportAll(ctx, db.DB, w)
		return n, errors.Join(err, db.Close())
	})
	if isLoss(err) {
		os.Remove(r.backup)
		err = &problem{what: "it would not be whole", err: err, hint: "memlatch export FILE saves what can be read; then leave --backup out"}
	}
	if err != nil {
		err = fmt.Errorf("cannot make the backup, and nothing was removed: %w", err)
	}
	return err
}

// printRest says what uninstall does not do.
func (r *removal) printRest() {
	for _, m := range r.mentions {
		fmt.Fprintf(r.stdout, "still configured: %s\n", m)
	}
	if program, err := os.Executable(); err == nil {
		fmt.Fprintf(r.stdout, "to remove the program too: %s\n", removeCommand(program))
	}
}
