package stage

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/memlatch/memlatch/lock"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// checkContent compares the file with its holders.
func (o *oracle) checkContent(r *run) {
	for _, x := range r.actors {
		c := &o.claims[x.index]
		if c.phase != holding || c.robbed != 0 || r.inode == 0 || o.lostName(r, x) {
			continue
		}
		if want := pidLine(x.pid); !r.present || r.content != want {
			o.fail(r, race.ReadersFindTheHolder, "%s holds the file, and a reader finds %s instead of %d", x.name, r.state().shown(), x.pid)
		}
	}
}

// lostName reports whether what x has locked is not the file that the name
// means. Sooner or later somebody else then becomes the holder, or x stops.
func (o *oracle) lostName(r *run, x *actor) bool {
	locks := slices.ContainsFunc(x.files, func(f *file) bool { return f.exclusive })
	return locks && !x.locks(r.inode)
}

// checkChange judges what a did to the file.
func (o *oracle) checkChange(r *run, a *actor, c *claim, before, after view, harmed *actor) {
	torn := c.phase == starting && !c.faulted && before.inode == after.inode &&
		before.content != "" && !strings.HasPrefix(after.content, pidLine(a.pid))
	switch {
	case torn && after.content != before.content:
		o.fail(r, race.ReadersFindTheHolder, "while %s starts, a reader finds %s", a.name, after.shown())
	case harmed == nil:
	case c.excused:
		o.rob(r, before.inode)
	case after.inode == before.inode:
		o.fail(r, race.OnlyTheHolderChanges, "%s changes the file of %s", a.name, harmed.name)
	default:
		o.fail(r, race.OnlyTheHolderChanges, "%s removes the file of %s", a.name, harmed.name)
	}
}

// checkEnd judges what is left when all, or all but Next, have finished.
func (o *oracle) checkEnd(r *run) {
	if o.ended || o.verdict.Broken() {
		return
	}
	for _, a := range r.actors[:len(r.actors)-1] {
		if a.op != "" || len(a.responses) > 0 {
			return
		}
	}
	o.ended = true
	if !o.crashed && !o.faulted {
		o.checkLeftovers(r)
	}
}

// checkLeftovers finds what should be gone once all have stopped in order. A
// file that was there before and that nobody took over may stay.
func (o *oracle) checkLeftovers(r *run) {
	for i := range o.claims {
		if o.claims[i].phase == holding {
			return
		}
	}
	untouched := r.state() == o.began && !o.started
	names := len(r.world.Names())
	switch {
	case r.inode != 0 && !untouched && !o.unusable:
		o.fail(r, race.NothingRemains, "all have stopped, and the pid file is left with %s", r.state().shown())
	case r.inode != 0 && names-1 > o.names || r.inode == 0 && names > o.names:
		o.fail(r, race.NothingRemains, "all have stopped, and another file is left")
	}
}

func (o *oracle) checkStart(r *run, a *actor, c *claim, got response) {
	if got.err != nil {
		c.phase = idle
		o.checkRefusal(r, a, c, got)
		o.checkGone(r, a, c, got)
		return
	}
	c.phase, o.started = holding, true
	if c.robbed != 0 && a.tried && !a.locks(c.robbed) {
		c.robbed = 0
	}
	for _, x := range r.actors {
		if d := &o.claims[x.index]; x != a && d.phase == holding && d.robbed == 0 && c.robbed == 0 {
			first, second := min(x.name, a.name), max(x.name, a.name)
			if x.name == Next || a.name == Next {
				first, second = x.name, a.name
			}
			o.fail(r, race.OneHolder, "%s and %s both hold the file", first, second)
		}
	}
	o.checkContent(r)
	if o.unusable {
		o.fail(r, race.NothingIsClobbered, "%s takes what is no pid file for one", a.name)
	}
}

// checkRefusal judges a start that failed. One of which a call was made to
// fail may fail, but not for a holder that there was not.
func (o *oracle) checkRefusal(r *run, a *actor, c *claim, got response) {
	switch {
	case c.contended || o.unusable:
	case c.faulted && errors.Is(got.err, lock.ErrHeld):
		o.fail(r, race.NothingIsClobbered, "%s takes a call that fails for a holder, and nobody holds the file", a.name)
	case c.faulted:
	case c.probed:
		o.fail(r, race.LoneStartsSucceed, "%s starts alone and fails because of a probe: %s", a.name, got.result)
	default:
		o.fail(r, race.CrashesAreTakenOver, "%s starts alone and fails: %s", a.name, got.result)
	}
}

// checkGone judges what a start that failed or a stop leaves, whatever it
// reported: nothing is held, and the file does not say so. Under Wine's rules a
// removed file is there until all have closed it: its content, which nobody can
// be kept from reading until then, is no record that stays.
func (o *oracle) checkGone(r *run, a *actor, c *claim, got response) {
	switch {
	case a.tried && len(a.files) > 0:
		o.fail(r, race.NothingIsClobbered, "%s reports %s and keeps the file open", a.name, got.result)
	case c.faulted && r.present && r.inode != o.removed && r.content == pidLine(a.pid):
		o.fail(r, race.NothingIsClobbered, "%s reports %s and stays recorded", a.name, got.result)
	}
}

// checkCheck judges what a holder was told of its file. While a removal is
// pending, either will do, and so will the error of a call that failed.
func (o *oracle) checkCheck(r *run, a *actor, c *claim, got response) {
	said, lost := errors.Is(got.err, lock.ErrLost), o.lostName(r, a)
	failed := c.faulted && got.err != nil && !said
	if c.phase == holding && a.tried && !failed && said != lost && (lost || c.robbed == 0) {
		o.fail(r, race.AServerSucceeds, "the check of %s says %s, while the name is %s", a.name, got.result, r.state().shown())
	}
}

// checkUninstall judges an uninstall by its word.
func (o *oracle) checkUninstall(r *run, a *actor, c *claim, got response) {
	switch {
	case got.err == nil && r.world.Exists(Store):
		o.fail(r, race.UninstallSparesWhatIsUsed, "the uninstall of %s says that it is done, and leaves the store", a.name)
	case got.err != nil && !c.contended && !c.faulted && !o.unusable:
		o.fail(r, race.UninstallSparesWhatIsUsed, "the uninstall of %s fails though nobody uses the store: %s", a.name, got.result)
	}
}

func (o *oracle) checkProbe(r *run, a *actor, c *claim, s lock.Status) {
	if s.State != lock.Held {
		for i, x := range r.actors {
			if c.throughout&(1<<i) != 0 {
				o.fail(r, race.ProbesTellTheTruth, "the probe of %s finds %s, while %s is the holder", a.name, s.State, x.name)
			}
		}
		if s.PID != 0 && !slices.Contains(c.recorded, s.PID) {
			o.fail(r, race.ProbesTellTheTruth, "the probe of %s reads the pid %d, which the file does not record", a.name, s.PID)
		}
		return
	}
	switch {
	case len(c.holders) == 0:
		o.fail(r, race.ProbesTellTheTruth, "the probe of %s finds the file held, and nobody holds it", a.name)
	case s.PID != 0 && !slices.Contains(c.holders, s.PID):
		o.fail(r, race.ProbesTellTheTruth, "the probe of %s names process %d, which was no holder", a.name, s.PID)
	}
}

func pidLine(pid int) string { return strconv.Itoa(pid) + "\n" }

// line returns the pid in the first line of a file, or 0.
func line(content string) int {
	text, _, complete := strings.Cut(content, "\n")
	pid, err := strconv.Atoi(text)
	if err != nil || !complete || strconv.Itoa(pid) != text {
		return 0
	}
	return pid
}

// shown is what a reader finds, for people.
func (v view) shown() string {
	switch {
	case v.present:
		return strconv.Quote(v.content)
	case v.inode != 0:
		return "nothing it can read"
	}
	return "no file"
}
