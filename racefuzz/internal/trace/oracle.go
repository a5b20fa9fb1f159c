package trace

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/memlatch/memlatch/racefuzz/internal/program"
	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

// phase is where an actor is between two of the operations of its script.
type phase int

const (
	absent   phase = iota // not started yet, or gone again
	starting              // from its start until it waits for work or ends
	serving               // it waits for work
	stopping              // it was asked to stop
	waking                // it serves, and is about to look whether it can take over
	probing               // it asks whether a server runs
	visiting              // it is no server
)

// view is what can be seen of a case after an event. In contents and details
// the pids of its processes are masked: "{a}".
type view struct {
	event         int
	mover         string // actor
	op            string
	fault         bool // the op was made to fail
	before, after pidFile
	actors        []standing
	left          []entry
	over          bool // nobody will move again
	helpers       bool // a process whose server has crashed is in the middle of something, or is recorded as the server itself
}

// headSize is how much of a file is looked at.
const headSize = 4096

// entry is a name in the case's directory.
type entry struct {
	name    string
	kind    race.Kind
	content string // of a regular file its head, of a link its target
	size    int64
	inode   uint64
	object  int // which file it is, counted as they appear; names and inode numbers are used again
}

type pidFile struct {
	there   bool
	object  int // which file it is
	content string
}

// standing is what can be seen of one actor.
type standing struct {
	name  string
	round int
	phase phase
	locks bool // it holds an exclusive lock on what is or was the pid file or the lock file
}

func (s standing) start() string { return fmt.Sprintf("%s#%d", s.name, s.round) }

// oracle judges a program that nobody here wrote. A holder is an actor that
// serves: where losers end, whoever lives on takes itself for the server;
// where losers serve as well, it is the one that holds a lock on what is or
// was the pid file.
type oracle struct {
	settings  program.Program
	files     []race.File // what the case began with
	verdict   race.Verdict
	used      bool // the case began with a pid file, or an actor has crashed
	unordered bool // somebody crashed, or was made to fail, or an operator removed the file
	phases    map[string]phase
	faulted   map[string]bool // starts of which a step was made to fail
	disowned  map[string]bool // starts whose file an operator removed
	holding   map[string]bool // starts that were holders after the last event
	disturbed map[string]bool // standbys, by actor, that were not alone while they tried to take over
	fates     map[string]fate // by start
	met       map[string][]string
	refusals  []string // starts that were refused, by whom is still open
	probes    map[string]*window
}

// window is what was true while a probe ran.
type window struct {
	first   bool            // nothing was seen yet
	always  map[string]bool // starts that were holders all the time
	holders map[string]bool // starts that served or held the lock at some time
	alive   bool            // somebody was not absent at some time
}

// answer is what a probe said.
type answer struct {
	certain bool
	running bool
	pid     string // the first number in its output
	start   string // whose process that is, or ""
}

// fate is what became of a start.
type fate string

const (
	open    fate = ""
	served  fate = "served"
	refused fate = "refused"
	crashed fate = "crashed"
)

func newOracle(s program.Program, files []race.File) *oracle {
	return &oracle{
		settings: s, files: files, used: slices.ContainsFunc(files, func(f race.File) bool { return f.Name == s.PIDName() }),
		phases: map[string]phase{}, faulted: map[string]bool{}, disowned: map[string]bool{}, holding: map[string]bool{}, disturbed: map[string]bool{},
		fates: map[string]fate{}, met: map[string][]string{}, probes: map[string]*window{},
	}
}

// judge takes the next view and keeps the first verdict.
func (o *oracle) judge(v view) {
	if o.verdict.Broken() {
		return
	}
	if v.op == opCrash || v.fault {
		o.unordered, o.used = true, true
	}
	if v.fault {
		o.faulted[v.actor(v.mover).start()] = true
	}
	if v.op == opRemove {
		o.unordered = true
		for _, s := range v.actors {
			if s.phase == serving {
				o.disowned[s.start()] = true
			}
		}
	}
	holders := o.holders(v)
	o.judgeHolders(v, holders)
	o.judgeSuccession(v, holders)
	o.judgeFile(v, holders)
	o.follow(v)
	o.judgeRefusals(v)
	o.judgeEnd(v)
	o.judgeBystanders(v)
	o.watch(v, holders)
	clear(o.holding)
	for _, s := range holders {
		o.holding[s.start()] = true
	}
}

func (o *oracle) breaks(event int, i race.Invariant, format string, args ...any) {
	if !o.verdict.Broken() {
		o.verdict = race.Verdict{Invariant: i, Reason: fmt.Sprintf(format, args...), Event: event}
	}
}

func (o *oracle) holders(v view) []standing {
	var out []standing
	for _, s := range v.actors {
		if s.phase == serving && !o.disowned[s.start()] && (o.settings.Losers != "serve" || s.locks) {
			out = append(out, s)
		}
	}
	return out
}

func (o *oracle) judgeHolders(v view, holders []standing) {
	if len(holders) > 1 {
		o.breaks(v.event, race.OneHolder, "%s and %s both run as the server", holders[0].name, holders[1].name)
	}
}

// judgeSuccession checks that a standby for which there was nobody to wait has
// taken over. One that came across another, which then left, has to look again.
func (o *oracle) judgeSuccession(v view, holders []standing) {
	for _, s := range v.actors {
		if s.phase == waking && o.phases[s.name] != waking {
			o.disturbed[s.name] = false
		}
		o.disturbed[s.name] = o.disturbed[s.name] || v.mover != s.name || slices.ContainsFunc(v.actors, func(other standing) bool {
			return other.name != s.name && other.phase != absent && other.phase != serving
		})
		if o.phases[s.name] == waking && s.phase == serving && len(holders) == 0 && !o.disturbed[s.name] {
			o.breaks(v.event, race.AServerSucceeds, "%s runs, nobody is the recorded server, and it does not take over", s.name)
		}
	}
	if v.op == opWait && len(holders) == 0 && v.actor(v.mover).phase == serving {
		o.breaks(v.event, race.AServerSucceeds, "%s runs, nobody is the recorded server, and within 2 s it does not look", v.mover)
	}
}

// obstructed reports whether what no dead server can have left had the pid
// file's name in the beginning: then a start may fail.
func (o *oracle) obstructed() bool {
	return slices.ContainsFunc(o.files, func(f race.File) bool { return f.Name == o.settings.PIDName() && !o.settings.IsRelic(f, o.files) })
}

// judgeFile checks that a reader finds the holder's pid.
func (o *oracle) judgeFile(v view, holders []standing) {
	if o.settings.Content == "" || o.obstructed() {
		return
	}
	for _, s := range holders {
		old := o.holding[s.start()]
		switch {
		case o.reads(v.after, s.name):
		case old && s.name != v.mover && !v.after.there:
			o.breaks(v.event, race.OnlyTheHolderChanges, "%s removes the pid file of %s, which runs", v.mover, s.name)
		case old && s.name != v.mover && v.after.object != v.before.object:
			o.breaks(v.event, race.OnlyTheHolderChanges, "%s puts another file in the place of the pid file of %s, which runs", v.mover, s.name)
		case old && s.name != v.mover:
			o.breaks(v.event, race.ReadersFindTheHolder, "%s runs, and after %s of %s its pid file holds %s", s.name, v.op, v.mover, v.after)
		case o.used && v.after.content != "":
			o.breaks(v.event, race.CrashesAreTakenOver, "%s runs, and its pid has not replaced the old one whole: the pid file holds %s", s.name, v.after)
		default:
			o.breaks(v.event, race.ReadersFindTheHolder, "%s runs, and its pid file holds %s", s.name, v.after)
		}
	}
	if o.settings.MayEmpty == "" && len(holders) == 0 && v.before.content != "" && v.after.there && v.after.content == "" && v.after.object == v.before.object {
		if s := v.actor(v.mover); s.phase == starting {
			o.breaks(v.event, race.ReadersFindTheHolder, "%s empties the pid file before it writes its own pid: a reader in between finds nothing", s.name)
		}
	}
}

func (v view) actor(name string) standing {
	for _, s := range v.actors {
		if s.name == name {
			return s
		}
	}
	return standing{}
}

// reads reports whether the file holds what it should while the actor serves,
// with the pid of any of its processes.
func (o *oracle) reads(f pidFile, name string) bool {
	head, tail, _ := strings.Cut(o.settings.Content, "{pid}")
	rest, ok := strings.CutPrefix(f.content, head+"{"+name)
	if !ok || !f.there {
		return false
	}
	_, rest, ok = strings.Cut(rest, "}")
	return ok && rest == tail
}

func (f pidFile) String() string {
	switch {
	case !f.there:
		return "nothing: it is gone"
	case f.content == "":
		return "nothing: it is empty"
	}
	return fmt.Sprintf("%q", f.content)
}

// follow notes what became of each start and whom it met on its way.
func (o *oracle) follow(v view) {
	before := maps.Clone(o.phases)
	for _, s := range v.actors {
		id := s.start()
		was := before[s.name]
		o.phases[s.name] = s.phase
		switch {
		case s.phase == serving, s.phase == waking:
			o.fates[id] = served
		case s.phase == absent && was == starting && v.op == opCrash && v.mover == s.name:
			o.fates[id] = crashed
		case s.phase == absent && was == starting:
			o.fates[id] = refused
			if !o.faulted[id] {
				o.refusals = append(o.refusals, id)
			}
		}
		if s.phase != starting && was != starting {
			continue
		}
		if v.helpers {
			o.excuse(id)
		}
		if slices.ContainsFunc(v.actors, func(s standing) bool { return s.phase == visiting || before[s.name] == visiting }) {
			o.excuse(id)
		}
		for _, other := range v.actors {
			if other.name != s.name && (runs(other.phase) || runs(before[other.name])) && !slices.Contains(o.met[id], other.start()) {
				o.met[id] = append(o.met[id], other.start())
			}
		}
	}
}

// excuse notes that a start met what may have refused it with good reason.
func (o *oracle) excuse(id string) {
	const stranger = "stranger"
	o.fates[stranger] = served
	if !slices.Contains(o.met[id], stranger) {
		o.met[id] = append(o.met[id], stranger)
	}
}

// runs reports whether an actor in that phase is, or may become, the server.
func runs(p phase) bool { return p != absent && p != probing && p != visiting }

// judgeRefusals looks for a start that ended although none of those it met
// ever was, or could have become, the server.
func (o *oracle) judgeRefusals(v view) {
	if o.obstructed() {
		o.refusals = nil
	}
	var undecided []string
	for _, id := range o.refusals {
		state := refused
		for _, other := range o.met[id] {
			switch o.fates[other] {
			case served, crashed:
				state = served
			case open:
				if state == refused {
					state = open
				}
			}
		}
		name, _, _ := strings.Cut(id, "#")
		switch {
		case state == open:
			undecided = append(undecided, id)
		case state == refused && o.used:
			o.breaks(v.event, race.CrashesAreTakenOver, "%s does not start although nobody runs", name)
		case state == refused:
			o.breaks(v.event, race.LoneStartsSucceed, "%s does not start although nobody runs and nobody starts instead", name)
		}
	}
	o.refusals = undecided
}

// judgeEnd looks at what is left when all have stopped in order.
func (o *oracle) judgeEnd(v view) {
	if !v.over || o.unordered {
		return
	}
	for _, e := range v.left {
		known := slices.ContainsFunc(o.files, func(f race.File) bool {
			return f.Name == e.name && !o.settings.IsRelic(f, o.files)
		})
		if !known && !slices.Contains(program.SplitNames(o.settings.Leaves), e.name) {
			o.breaks(v.event, race.NothingRemains, "all have stopped, and %s remains", e.name)
		}
	}
}

// judgeBystanders checks that files which are none of the program's business
// are as they were, whatever links lead to them.
func (o *oracle) judgeBystanders(v view) {
	for _, f := range o.files {
		if f.Name == o.settings.PIDName() || o.settings.IsRelic(f, o.files) || f.Name == o.settings.LockFile || f.Kind != race.Regular && f.Kind != race.Config {
			continue
		}
		i := slices.IndexFunc(v.left, func(e entry) bool { return e.name == f.Name })
		if i < 0 || v.left[i].content != f.Content[:min(len(f.Content), headSize)] {
			o.breaks(v.event, race.NothingIsClobbered, "%s clobbers %s", v.mover, f.Name)
		}
	}
}

// watch notes what is true while probes run.
func (o *oracle) watch(v view, holders []standing) {
	for _, p := range v.actors {
		if p.phase != probing {
			continue
		}
		w := o.probes[p.name]
		if w == nil || v.mover == p.name && v.op == opProbe {
			w = &window{first: true, always: map[string]bool{}, holders: map[string]bool{}}
			o.probes[p.name] = w
		}
		now := map[string]bool{}
		for _, s := range holders {
			now[s.start()] = true
			if w.first {
				w.always[s.start()] = true
			}
		}
		w.first = false
		maps.DeleteFunc(w.always, func(id string, _ bool) bool { return !now[id] })
		for _, s := range v.actors {
			w.alive = w.alive || runs(s.phase)
			if s.phase == serving || s.phase == stopping || s.locks && runs(s.phase) {
				w.holders[s.start()] = true
			}
		}
	}
}

// answered judges a probe.
func (o *oracle) answered(event int, name string, said answer) {
	w := o.probes[name]
	if w == nil || !said.certain {
		return
	}
	for id := range w.always {
		if !said.running {
			holder, _, _ := strings.Cut(id, "#")
			o.breaks(event, race.ProbesTellTheTruth, "%s says that nobody runs, and %s does all the time", name, holder)
		}
	}
	switch {
	case !said.running:
	case !w.alive:
		o.breaks(event, race.ProbesTellTheTruth, "%s says that somebody runs, and nobody does", name)
	case said.pid != "" && !w.holders[said.start]:
		o.breaks(event, race.ProbesTellTheTruth, "%s names a process that was not the server while it looked", name)
	}
}

// deaf is called for an actor that does not stop.
func (o *oracle) deaf(event int, name string) {
	o.breaks(event, race.ServersAnswerAndStop, "%s was asked to stop and lives on", name)
}

// write writes all that can still change a verdict, with the names of actors
// in braces.
func (o *oracle) write(w io.Writer, v view) {
	fmt.Fprintln(w, o.used, o.unordered, o.verdict.Broken())
	for _, s := range v.actors {
		id := s.start()
		fmt.Fprintf(w, "{%s} %v %v %v %v %v\n", id, s.phase, o.faulted[id], o.disowned[id], o.holding[id], o.fates[id])
		if s.phase == starting {
			o.writeMet(w, id)
		}
		if s.phase == waking {
			fmt.Fprintln(w, o.disturbed[s.name])
		}
	}
	for _, s := range v.actors {
		if p := o.probes[s.name]; p != nil && s.phase == probing {
			fmt.Fprintln(w, p.alive, ids(p.always), ids(p.holders))
		}
	}
	for _, id := range o.refusals {
		fmt.Fprintf(w, "{%s} refused\n", id)
		o.writeMet(w, id)
	}
}

func (o *oracle) writeMet(w io.Writer, id string) {
	for _, other := range o.met[id] {
		fmt.Fprintf(w, "{%s} met {%s} %s\n", id, other, o.fates[other])
	}
}

func ids(starts map[string]bool) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(starts)) {
		fmt.Fprintf(&b, "{%s}", id)
	}
	return b.String()
}
