package race

import "strings"

// Invariant names a property that must hold in every schedule.
type Invariant string

// The invariants, in the order in which a case that breaks several is named
// after one.
const (
	I1  Invariant = "I1"
	I2  Invariant = "I2"
	I3  Invariant = "I3"
	I4  Invariant = "I4"
	I5  Invariant = "I5"
	I6  Invariant = "I6"
	I7  Invariant = "I7"
	I8  Invariant = "I8"
	I9  Invariant = "I9"
	I10 Invariant = "I10"
	I11 Invariant = "I11"
)

var meanings = map[Invariant]string{
	I1:  "at most one holder at a time",
	I2:  "from its acquire to its release, a holder's pid is what a reader of the file finds",
	I3:  "when all have stopped in order, no pid file and no temporary file remains",
	I4:  "after a crash at any step the next start succeeds, and its pid replaces the old one whole",
	I5:  "nobody but the holder changes or removes the file",
	I6:  "a probe never says that a holder does not run or that nobody does, and names no process that was not a holder",
	I7:  "no probe makes an uncontended start fail",
	I8:  "while any server lives, within two seconds the pid file names a live one",
	I9:  "every started server answers, and stops within two seconds of losing its host",
	I10: "uninstall never removes a store in use, and what was acknowledged is still there",
	I11: "a name, a right or a disk that cannot be used is a clear error, and nothing is clobbered",
}

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
