package judge

import (
	"fmt"
	"slices"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// Promise is what the program under test undertakes, and what is there before
// it starts.
type Promise struct {
	// Content is what the pid file holds while a server serves, with "{pid}"
	// for its pid, or [Somewhere]; "" promises nothing.
	Content string
	// Masked says that the file is shown with the names of actors in braces in
	// the place of pids.
	Masked bool
	// Program says that it is one that nobody here wrote: its servers are seen
	// to run, and not to hold the file.
	Program bool
	Standby bool     // a start that is refused serves as a standby: the server is who has the lock
	Lenient bool     // a start may empty a dead server's file before it writes its own pid
	Tidy    bool     // what a crash leaves is gone once a later server has stopped in order
	Leaves  []string // what may be there when all have stopped
	PIDFile string   // name of the pid file
	Found   File     // the pid file in the beginning; its Object is [Hidden] where only readers see it
	Left    bool     // there is a pid file in the beginning
	Odd     bool     // what has its name in the beginning is no file that can be used
	Files   []string // names that are there in the beginning, the pid file's not among them
	// Sequel says that another start always follows, which shows what a server is
	// worth that nobody finds by the file's name.
	Sequel bool
	// Pass says which verdicts are passed over, as if nothing were broken; or nil.
	Pass func(race.Verdict) bool
	// Linear asks for an order of all that starts, stops and probes return,
	// as if each were a single step, from the memory of those that have one.
	Linear *Histories
}

// Somewhere is the content of a pid file of which only the pid is always there.
const Somewhere = "... {pid} ..."

// Hidden is the object of a file that is not always seen.
const Hidden = -1

// Most is how many actors, and how many windows, a judge can tell apart.
const Most = 64

// Judge judges one run of a case.
type Judge struct {
	promise Promise
	verdict race.Verdict
	final   bool // the verdict has been asked for since it was broken

	facts  int  // so far
	fact   Fact // the one that is being judged
	before File // the pid file before it
	was    life // the life that the fact is about, before it

	file      File
	lives     []life
	windows   []window
	undecided []refusal // starts that were refused, by whom is still open
	refused   []refusal // those that are now known to have been refused by nobody

	odd       bool // what has the pid file's name is still no file that can be used
	left      bool // something is there that a start may take for a server: a file, or what a crash left
	lingering bool
	served    bool // some start was a server
	disorder  bool // since the last crash nobody who started after it was a server
	crashed   bool // somebody crashed, or was made to fail, at some time
	robbed    bool // somebody removed a file from under its holder
	faulted   bool // some call was made to fail

	store   []memory
	listed  []string // ever
	owed    []string // never acknowledged by servers that have ended
	cleared bool     // the last word was that of an uninstall that is done, with nobody in its way

	history []operation
	order   hash // of the history: what returned, and what had returned when it began
}

// rule decides one invariant, whenever a fact of one of its kinds was seen.
type rule struct {
	invariant race.Invariant
	kinds     uint64
	decide    func(*Judge)
	odd       bool // also where the pid file is one that cannot be used
}

// rules are asked in the order of the invariants.
var rules = []rule{
	{race.OneHolder, on(Serves, Locks, Exhausted), oneHolder, false},
	{race.ReadersFindTheHolder, on(Changes, Serves, Locks, Told, Saw, Emptied, Returns), readersFindTheHolder, false},
	{race.NothingRemains, on(Remains), nothingRemains, true},
	{race.CrashesAreTakenOver, on(Changes, Serves, Locks, Saw, Ends, Stands, Exhausted), crashesAreTakenOver, false},
	{race.OnlyTheHolderChanges, on(Changes, Saw), onlyTheHolderChanges, false},
	{race.ProbesTellTheTruth, on(Answers), probesTellTheTruth, true},
	{race.LoneStartsSucceed, on(Ends, Stands, Exhausted), loneStartsSucceed, false},
	{race.AServerSucceeds, on(Stands, Idles, Heard), aServerSucceeds, false},
	{race.ServersAnswerAndStop, on(Outlives, Exits, Mute, Owes, Lists, Errs), serversAnswerAndStop, true},
	{race.UninstallSparesWhatIsUsed, on(Removes, Misses, Ends, Lists, Finds, Endless), uninstallSparesWhatIsUsed, true},
	{race.NothingIsClobbered, on(Serves, Ends, Exits, Clobbers, Endless), nothingIsClobbered, true},
}

func on(kinds ...Kind) (set uint64) {
	for _, k := range kinds {
		set |= 1 << k
	}
	return set
}

// New returns a judge of a run with actors of those names, of which there may be
// [Most]. Each has a window of its own.
func New(p Promise, names []string) *Judge {
	if len(names) > Most {
		panic(fmt.Sprintf("%d actors, and a judge tells %d apart", len(names), Most))
	}
	j := &Judge{
		promise: p, file: p.Found, odd: p.Odd, left: p.Left || p.Found.Object > 0,
		lives: make([]life, len(names)), windows: make([]window, len(names)),
	}
	for i, name := range names {
		j.lives[i].name = name
	}
	return j
}

// See takes the next fact. Once a broken verdict has been asked for, nothing
// changes any more.
func (j *Judge) See(f Fact) {
	if j.final {
		return
	}
	j.fact, j.before, j.was = f, j.file, j.lives[f.Who]
	j.facts++
	j.refused = j.refused[:0]
	j.apply()
	j.watch()
	kind := uint64(1) << f.Kind
	for i := range rules {
		if r := &rules[i]; r.kinds&kind != 0 && (r.odd || !j.odd) {
			r.decide(j)
		}
	}
}

// Verdict returns the invariant that is broken. Of those that were broken since
// it was last asked, it is the foremost; a broken one stays.
func (j *Judge) Verdict() race.Verdict {
	j.final = j.verdict.Broken()
	return j.verdict
}

// breaks takes note that the present fact breaks an invariant.
func (j *Judge) breaks(i race.Invariant, format string, args ...any) {
	v := race.Verdict{Invariant: i, Reason: fmt.Sprintf(format, args...), Event: j.fact.Event}
	if j.promise.Pass != nil && j.promise.Pass(v) {
		return
	}
	if !j.verdict.Broken() || rank(i) < rank(j.verdict.Invariant) {
		j.verdict = v
	}
}

func rank(i race.Invariant) int { return slices.Index(race.Invariants, i) }
