package program

// Proves that those verdicts are passed over that were named, and no others.

import (
	"testing"

	"github.com/memlatch/memlatch/racefuzz/internal/race"
)

func TestVerdictsArePassedOverByTheirWords(t *testing.T) {
	crash := race.Verdict{Invariant: race.CrashesAreTakenOver, Reason: "b does not start although nobody runs (here)"}
	for pass, want := range map[string]bool{
		"I4":                true,
		"I4 nobody runs":    true,
		"I4: a does not":    true, // whoever it befalls
		"I4 runs (here)":    true, // words, not a pattern
		"I4 nobody run":     false,
		"I4 h":              true, // an actor, whichever
		"I4 d":              true,
		"I4 tart":           false,
		"I4 nobody stops":   false,
		"I2":                false,
		"I4 x does not":     false,
		"I2\x00I4 although": true,
	} {
		passes, err := (&Program{Pass: pass}).Passes()
		if err != nil || passes(crash) != want {
			t.Errorf("%q passes it: %v, %v, want %v", pass, !want, err, want)
		}
	}
	if passes, err := (&Program{}).Passes(); passes != nil || err != nil {
		t.Errorf("nothing is passed over: %v", err)
	}
	if _, err := (&Program{Pass: "J4 x"}).Passes(); err == nil {
		t.Error("there is no J4")
	}
}
