package race

import "strings"

// Invariant names a property that must hold in every schedule. Its text, "I5",
// is what saved races and flags have.
type Invariant string

// The invariants, in the order in which a case that breaks several is named
// after one.
const (
	OneHolder                 Invariant = "I1"
	ReadersFindTheHolder      Invariant = "I2"
	NothingRemains            Invariant = "I3"
	CrashesAreTakenOver       Invariant = "I4"
	OnlyTheHolderChanges      Invariant = "I5"
	ProbesTellTheTruth        Invariant = "I6"
	LoneStartsSucceed         Invariant = "I7"
	AServerSucceeds           Invariant = "I8"
	ServersAnswerAndStop      Invariant = "I9"
	UninstallSparesWhatIsUsed Invariant = "I10"
	NothingIsClobbered        Invariant = "I11"
)

// The rules for commands that share files, which know nothing of what the
// commands are for.
const (
	Serializable           Invariant = "serial"
	FailuresChangeNothing  Invariant = "effect"
	ReadersFindNothingTorn Invariant = "whole"
	CommandsEnd            Invariant = "stuck"
	KilledCommandsRunAgain Invariant = "crash"
	NobodyIsRefused        Invariant = "refused"
)

// Invariants are all those of servers, in their order.
var Invariants = []Invariant{
	OneHolder, ReadersFindTheHolder, NothingRemains, CrashesAreTakenOver, OnlyTheHolderChanges, ProbesTellTheTruth,
	LoneStartsSucceed, AServerSucceeds, ServersAnswerAndStop, UninstallSparesWhatIsUsed, NothingIsClobbered,
}

var meanings = map[Invariant]string{
	OneHolder:                 "at most one holder at a time",
	ReadersFindTheHolder:      "from its acquire to its release, a holder's pid is what a reader of the file finds",
	NothingRemains:            "when all have stopped in order, no pid file and no temporary file remains",
	CrashesAreTakenOver:       "after a crash at any step the next start succeeds, and its pid replaces the old one whole",
	OnlyTheHolderChanges:      "nobody but the holder changes or removes the file",
	ProbesTellTheTruth:        "a probe never says that a holder does not run or that nobody does, and names no process that was not a holder",
	LoneStartsSucceed:         "a start succeeds where nobody holds the file, however many probes look",
	AServerSucceeds:           "while any server lives, within two seconds the pid file names a live one",
	ServersAnswerAndStop:      "every started server answers, and stops within two seconds of losing its host",
	UninstallSparesWhatIsUsed: "uninstall never removes a store in use, and what was acknowledged is still there",
	Serializable:              "the files and exit codes are those of some order in which each command ran to its end",
	FailuresChangeNothing:     "a command that fails has changed nothing",
	ReadersFindNothingTorn:    "a reader finds what was there before or after a command, never a third thing",
	CommandsEnd:               "the commands come to their ends",
	KilledCommandsRunAgain:    "a command that was killed and is run again ends as if it had run once",
	NobodyIsRefused:           "no command fails because another one runs",
	NothingIsClobbered:        "a name, a right or a disk that cannot be used is a clear error, and nothing is clobbered",
}

// String returns "I5".
func (i Invariant) String() string { return string(i) }

// Meaning returns the invariant as a sentence.
func (i Invariant) Meaning() string { return meanings[i] }

// Verdict says whether events keep the invariants. The zero Verdict means
// that they do.
type Verdict struct {
	Invariant Invariant // the first that was broken, or ""
	Reason    string    // how, naming the actors
	Event     int       // index of the event that broke it
}

// Broken reports whether an invariant was broken.
func (v Verdict) Broken() bool { return v.Invariant != "" }

// String returns "I1: a and b both hold the file", or "no race".
func (v Verdict) String() string {
	if !v.Broken() {
		return "no race"
	}
	return string(v.Invariant) + ": " + v.Reason
}

// ParseVerdict is the inverse of [Verdict.String], but for the event.
func ParseVerdict(text string) (Verdict, bool) {
	if text == (Verdict{}).String() {
		return Verdict{}, true
	}
	name, reason, ok := strings.Cut(text, ": ")
	_, known := meanings[Invariant(name)]
	return Verdict{Invariant: Invariant(name), Reason: reason}, ok && known
}
